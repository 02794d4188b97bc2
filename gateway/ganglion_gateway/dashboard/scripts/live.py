# SPDX-License-Identifier: GPL-3.0-or-later
"""A script that runs on a node, board or leaf while it is edited here, as with `ganglion dev`: for a while."""

from collections.abc import Awaitable

from nicegui import ui

from ganglion.client import documents
from ganglion.client.operations import scripts
from ganglion.errors import GanglionError
from ganglion_gateway.dashboard.asking import LoggedOutError
from ganglion_gateway.dashboard.parts import button
from ganglion_gateway.dashboard.scripts.choosing import Choosing
from ganglion_gateway.dashboard.scripts.device import Device
from ganglion_gateway.dashboard.scripts.editor import Editor
from ganglion_gateway.dashboard.visit import Visit

#: Seconds after which a device that hears nothing of this page has what was there before, and between two words of it.
LEASE, _AGAIN = 20, 6.0


class Live:
    """Which device, and what runs there of this page."""

    def __init__(self, visit: Visit, editor: Editor) -> None:
        self._visit = visit
        self._say = visit.say
        self._editor = editor
        self._device: Device | None = None
        self._plan: documents.ScriptPlan | None = None
        self._text = ""
        self._is_busy = False
        with ui.element("div").classes("g-bar g-ed-live"):
            ui.label(self._say("Live on a node")).classes("g-faint")
            self._choice = Choosing(visit, self._say("Node, or NODE/LEAF"), lambda node: True, leaves=True)
            self._start = button(self._say("Run live"), self.bring)
            self._stop = button(self._say("End it"), self.end)
            self._state = ui.label("").classes("g-faint").props('role="status" aria-live="polite"')
        self._stop.set_visibility(False)
        ui.timer(_AGAIN, self._renew, immediate=False)

    @property
    def runs(self) -> bool:
        """Whether something of this page runs on a device."""
        return self._plan is not None

    def choose(self, name: str) -> None:
        """Chooses a node by its name or id."""
        self._choice.choose(name)

    @property
    def chosen(self) -> str:
        """What is chosen; "" for nothing."""
        return self._choice.value

    def changed(self) -> None:
        """Another text is written."""
        if self._plan is not None:
            self._tell()

    async def bring(self) -> None:
        """Has what is written run on the chosen device; what is not valid or fails its tests does not, and is told."""
        name = self._choice.value
        if not name:
            self._visit.complain(self._say("Choose the node first."))
            return
        if self._is_busy:  # pieces of two plans would come to a board mixed
            return
        self._is_busy = True
        try:
            await self._bring(name)
        finally:
            self._is_busy = False

    async def _bring(self, name: str) -> None:
        if self._device is not None and self._plan is not None and name != self._device.name:
            await self.end()
        text = self._editor.text
        asked = scripts.post_scripts_compile(text=text, file=self._editor.file)
        plan = await self._visit.attempt(asked.within(30.0))
        if plan is None:
            return
        before, device = self._plan, self._device if self._plan is not None else Device(self._visit, name)
        assert device is not None
        self._state.set_text(self._say("It is on its way…"))
        if not await self._done(device.find()) or not await self._done(device.put(plan, LEASE)):
            self._tell()
            return
        self._device, self._plan, self._text = device, plan, text
        if before is not None and before["name"] != plan["name"]:
            await self._done(device.live(before["name"], 0))
        self._start_caption(self._say("Bring what is written"))
        self._stop.set_visibility(True)
        self._tell()

    async def end(self) -> None:
        """What was there before is back."""
        plan, device, self._plan = self._plan, self._device, None
        self._stop.set_visibility(False)
        self._start_caption(self._say("Run live"))
        self._tell()
        if plan is not None and device is not None and await self._done(device.live(plan["name"], 0)):
            self._state.set_text(self._say("Ended: what ran before is back."))

    async def _done(self, work: Awaitable[object]) -> bool:
        """Whether it was; why not is told."""
        try:
            await work
        except LoggedOutError:
            self._visit.log_in()
        except GanglionError as error:
            self._visit.complain(error)
        else:
            return True
        return False

    async def _renew(self) -> None:
        """Has it run longer; a device that has started anew gets it again."""
        plan, device = self._plan, self._device
        if plan is None or device is None or self._is_busy:
            return
        self._is_busy = True
        try:
            if not await device.live(plan["name"], LEASE) and self._plan is plan:
                await device.put(plan, LEASE)
        except LoggedOutError:
            self._visit.log_in()
        except GanglionError as error:
            self._state.set_text(str(error))
        else:
            self._tell()
        finally:
            self._is_busy = False

    def _tell(self) -> None:
        if self._plan is None or self._device is None:
            self._state.set_text("")
            return
        said = self._say("{name} {hash} runs on {node} while this page is open.").format(
            name=self._plan["name"], hash=self._plan["hash"][:8], node=self._device.name
        )
        if self._text != self._editor.text:
            said += " " + self._say("What is written is newer: Ctrl-S brings it.")
        self._state.set_text(said)

    def _start_caption(self, caption: str) -> None:
        for each in self._start.default_slot.children:
            if isinstance(each, ui.label):
                each.set_text(caption)
