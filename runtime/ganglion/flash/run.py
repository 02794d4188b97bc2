# SPDX-License-Identifier: GPL-3.0-or-later
"""Flashes a board from the image to the agent, or shows what that would do."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganglion.board.model import Board
from ganglion.device.port import BAUD, open_port
from ganglion.device.ports import serial_ports
from ganglion.device.session import Session
from ganglion.errors import GanglionError, NotFoundError, UnreachableError, UsageError
from ganglion.firmware import build
from ganglion.firmware.asked import is_full, modules_of
from ganglion.firmware.bundle import drivers_in
from ganglion.flash import agent_config, drive, esp, esp_image, identity
from ganglion.flash.agent import AgentBoard, interpreter, to_bootloader
from ganglion.flash.agent_config import Changes
from ganglion.flash.agent_plan import CONFIG, MAIN, There, Wanted, plan
from ganglion.flash.image import Image
from ganglion.flash.plan import Report, Step, image_steps, pieces
from ganglion_agent.full import FOLDER

_BIRTH = 0.5  # seconds between two looks for its birth
_AGAIN = 0.5  # seconds between two attempts at a port that has gone
#: What a board has that has joined as a full member.
_JOINED = f"{FOLDER}credential"
_LATER = "is looked at once MicroPython is there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is wanted of a run.

    Attributes:
        board: It.
        image: MicroPython; None where what is there stays.
        port: Its serial port; empty for the only one that may be it.
        folder: Of its drive; None for the one that is found.
        baud: Of the port, once MicroPython runs.
        loader_baud: Of the port while esptool writes; None for that of the board.
        agent: Whether the agent comes onto it, too.
        config: The table of an `agent.json`; None for that of the board.
        changes: To that.
        state: The state folder of its parent, where that is on this machine.
        key: The file of the leaf's key.
        enrol: The enrol key of a full member; empty for none.
        make: Has the gateway make one where the board needs it; None where no gateway is named.
        account: The name and the content of the file of its account at the broker.
        dry: Only says what would be done.
        patience: Seconds for the board to take an image and to show its drive or its port; who has to press a button
            needs some.
    """

    board: Board
    image: Image | None = None
    port: str = ""
    folder: Path | None = None
    baud: int = BAUD
    loader_baud: int | None = None
    agent: bool = True
    config: Mapping[str, object] | None = None
    changes: Changes = field(default_factory=Changes)
    state: Path | None = None
    key: Path | None = None
    enrol: str = ""
    make: Callable[[str], str] | None = None
    account: tuple[str, bytes] | None = None
    dry: bool = False
    patience: float = drive.WITHIN


class Flash:
    """One run.

    Args:
        order: What is wanted.
        report: Is told each step before it is done, and how far it is.

    Attributes:
        steps: Those that there were.
        name: What the board is called, once that is known.
        is_full: Whether it is a full member of the mesh, and no leaf, once that is known.
        boots: How many starts of it the parent knew of before, where its folder is here.
        started: How many it has counted itself.
    """

    def __init__(self, order: Order, report: Report) -> None:
        self._order = order
        self._report = report
        self.steps: list[Step] = []
        self.name = order.changes.name
        self.is_full = False
        self.boots = self.started = 0

    def run(self) -> None:
        """All of it.

        Raises:
            GanglionError: what cannot be done, with the remedy; the same order goes on where it ended.
        """
        order = self._order
        self._check()
        is_there = order.image is None
        if order.image is not None:
            if order.image.note:
                self._report({"event": "note", "text": order.image.note})
            by = {"esptool": self._by_esptool, "uf2": self._by_drive, "daplink": self._by_drive}
            is_there = by[order.board.flashing.method](order.image)
        if not order.agent:
            return
        if not is_there and order.dry:
            self._step(Step(part="agent", does="write", what="the agent, its configuration and its key", there=_LATER))
            return
        self._install(waits=order.image is not None)

    def _check(self) -> None:
        """What is wrong with what was said is said before anything is written."""
        order = self._order
        if not order.agent:
            return
        name = self.name
        if order.config is not None:
            name = str(agent_config.parsed(self._config(None), CONFIG)["name"])
        if order.key is not None:
            identity.of_file(order.key)
        if order.state is not None:
            identity.check_parent(order.state, name)

    def _step(self, step: Step) -> None:
        self.steps.append(step)
        self._report({"event": "step", **step.data()})

    def _by_esptool(self, image: Image) -> bool:
        """Whether the image was there already."""
        order = self._order
        chip_name, offset = order.board.flashing.chip, order.board.flashing.offset or 0
        wanted = pieces(offset, image.data, esp_image.own_areas(image.data, chip_name, offset))
        with esp.connected(self._port(), order.board, baud=order.loader_baud) as chip:
            missing = chip.missing(wanted, self._report)
            for step in image_steps(image.name, wanted, missing):
                self._step(step)
            if missing and not order.dry:
                chip.write(missing, self._report)
            chip.leave(self._report)
        return not missing

    def _by_drive(self, image: Image) -> bool:
        """Whether the image was there already, which only the MicroPython that runs can say."""
        order = self._order
        found = drive.find(order.board, folder=order.folder)
        port = self._port_if_any()
        if port.startswith("/") and not Path(port).exists():
            port = ""  # it comes when MicroPython runs
        if (found is None or order.board.flashing.method == "daplink") and port and self._runs(port, image):
            self._step(Step(part="image", does="keep", what=image.name, there="the same, by its version"))
            return True
        size = len(image.data)
        where = found.folder if found is not None else f"the drive {order.board.flashing.label}"
        self._step(
            Step(part="image", does="write", what=f"{image.name} onto {where}", there="another or none", size=size)
        )
        if order.dry:
            if found is None and not port:
                self._report({"event": "note", "text": str(drive.missing(order.board, order.folder))})
            return False
        if found is None:
            found = self._shown(port)
        drive.copy(found, image.name, image.data, self._report)
        self._report({"event": "waits", "text": f"for the board to take the image, {order.patience:g} s at most"})
        drive.taken(order.board, found, folder=order.folder, within=order.patience)
        if (port or order.port or order.agent) and not self._runs(self._port(comes=True), image, comes=True):
            raise GanglionError(
                f"the MicroPython that runs now is not that of {image.name}: plug the board in again and try once more"
            )
        return False

    def _shown(self, port: str) -> drive.Drive:
        """The drive, once the board shows it: by itself where MicroPython runs, else by its button."""
        order = self._order
        goes = False
        if port and order.board.flashing.method == "uf2":
            with Session(open_port(port, baud=order.baud)) as session:
                goes = to_bootloader(session)
        if not goes:
            self._report({"event": "ask", "text": str(drive.missing(order.board, order.folder))})
        found: list[drive.Drive] = []

        def shown() -> bool:
            found.extend(each for each in [drive.find(order.board, folder=order.folder)] if each is not None)
            return bool(found)

        if not drive.until(shown, order.patience):
            raise drive.missing(order.board, order.folder)
        return found[0]

    def _runs(self, port: str, image: Image, *, comes: bool = False) -> bool:
        """Whether the MicroPython that runs is that of the image: its version and its machine stand there."""
        try:
            with self._session(port, 5.0, comes=comes) as session:
                version, machine = interpreter(session)
        except UnreachableError:
            return False  # no MicroPython at all
        return bool(version) and version.encode() in image.program and machine.encode() in image.program

    def _install(self, *, waits: bool) -> None:
        order = self._order
        with self._session(self._port(comes=waits), 10.0, comes=waits) as session:
            board = AgentBoard(session)
            config = self._config(board.config())
            said = agent_config.parsed(config, CONFIG)
            self._fits(said)
            bundle = build(drivers=drivers_in(said), modules=modules_of(said))
            there = board.look(bundle, agent_config.key_file(said), _JOINED, *(order.account or ())[:1])
            self.name = str(said["name"])
            who = self._enrolment(there) if self.is_full else self._identity(said, there)
            key = None if who is None else (agent_config.key_file(said), who.text.encode() + b"\n")
            self.boots = 0 if who is None else who.boots
            self.started = max(self.boots, there.boots or 0)
            wanted = Wanted(bundle=bundle, config=config, key=key, boots=self.boots, account=order.account)
            todo = plan(wanted, there)
            for step in todo.steps:
                if order.dry and order.state and who is None and step.part == "key":
                    step = Step(part="key", does="write", what=f"a new key of {self.name}, let in by its parent")
                self._step(step)
            board.check_room(todo)
            if not order.dry:
                board.carry_out(todo, self._report)
            self._step(Step(part="start", does="restart", what=f"the board, which runs {MAIN}"))

    @contextmanager
    def _session(self, port: str, within: float, *, comes: bool) -> Iterator[Session]:
        """A raw REPL; at its end what is there runs. The port of a board that has just been reset may go and come."""
        within = self._order.patience if comes else within
        end = time.monotonic() + within
        while True:
            try:
                session = Session(open_port(port, baud=self._order.baud), within=within, restart=True)
                session.__enter__()
                break
            except (UnreachableError, NotFoundError):
                if not comes or time.monotonic() >= end:
                    raise
                time.sleep(_AGAIN)
        try:
            yield session
        finally:
            session.__exit__(None, None, None)

    def _config(self, on_board: bytes | None) -> bytes:
        order = self._order
        if order.config is not None:
            return agent_config.merged(order.config, order.changes, order.board)
        if on_board is None:
            return agent_config.merged(None, order.changes, order.board)
        table = agent_config.parsed(on_board, f"{CONFIG} on the board")
        return agent_config.merged(table, order.changes, order.board, f"{CONFIG} on the board")

    def _fits(self, said: Mapping[str, Any]) -> None:
        """Whether the line is for what the configuration says. Raises: UsageError, it is not."""
        order = self._order
        self.is_full = is_full(said)
        if self.is_full and (order.state or order.key):
            raise UsageError("--state and --leaf-key are for leaves, and its agent.json names a broker: --enrol-key")
        if not self.is_full and order.enrol:
            raise UsageError("--enrol-key is for full members, and its agent.json names a parent: --broker")

    def _enrolment(self, there: There) -> identity.Identity | None:
        """The enrol key; None where the board has joined, or has one."""
        order = self._order
        if order.enrol:
            return identity.Identity(text=order.enrol)
        if _JOINED in there.digests:
            return None
        if order.make is None:
            raise UsageError(
                "the board is in no mesh yet: --enrol-key with a file of what `ganglion enrol-key create` has printed, "
                "or --gateway, which makes one"
            )
        return identity.Identity(text="" if order.dry else order.make(self.name))

    def _identity(self, said: Mapping[str, Any], there: There) -> identity.Identity | None:
        order = self._order
        if order.key is not None:
            return identity.of_file(order.key)
        if order.state is not None:
            return identity.of_parent(order.state, self.name, dry=order.dry)
        if agent_config.key_file(said) not in there.digests:
            raise UsageError(
                "the board has no key yet: --state with its parent's folder on this machine, or --leaf-key with "
                f"what `ganglion leaf add {self.name}` has printed on the parent's"
            )
        return None

    def _port_if_any(self) -> str:
        if self._order.port:
            return self._order.port
        found = [port.device for port in serial_ports([self._order.board]) if port.boards]
        if len(found) > 1:
            raise GanglionError(
                f"{' and '.join(found)} may both be the {self._order.board.title}: name one with --port"
            )
        return found[0] if found else ""

    def _port(self, *, comes: bool = False) -> str:
        """The port of the board, which may have to come first."""
        found: list[str] = []
        within = self._order.patience if comes else 0

        def there() -> bool:
            found.append(self._port_if_any())
            is_path = found[-1].startswith("/") and within > 0  # a board that restarts may take its port along
            return bool(found[-1]) and (not is_path or Path(found[-1]).exists())

        if not drive.until(there, within):
            title = self._order.board.title
            raise NotFoundError(
                f"there is no port of this board, {title}: is the cable in, and does it carry data? `ganglion ports` "
                "lists what there is, and --port names one"
            )
        return found[-1]


def waits_for(seen: Callable[[], bool], name: str, within: float) -> None:
    """Waits until a board has been born.

    Raises:
        UnreachableError: it has not, in so many seconds; with what to look for.
    """
    if not drive.until(seen, within, look=_BIRTH):
        raise UnreachableError(
            f"{name} has not come to the mesh in {within:g} s: is its way there right, the Wi-Fi and the address it is "
            "to go to, or the cable and `[leaves] serial` of its parent? The board says what is wrong on its console "
            "(`ganglion console`)"
        )
