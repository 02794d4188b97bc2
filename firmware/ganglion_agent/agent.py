# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent on a board: reads the configuration, joins the mesh, and goes on until it is restarted.

    from ganglion_agent.agent import start
    start()

However it ends, actuators are at their fail-safe values by then. An error that nobody caught is on the flash, and told
to the parent by the next boot. A board whose configuration is wrong says so on its console, which stays usable.
"""

import asyncio
import time

from ganglion_agent import config, crash, flash, watchdog
from ganglion_agent.clock import Clock
from ganglion_agent.device import Device
from ganglion_agent.log import Log
from ganglion_agent.methods import Methods, load, load_all
from ganglion_agent.section import ConfigError
from ganglion_agent.store import Store
from ganglion_micro.cbor import CBORError

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

VERSION = "0.1.0"

#: Seconds between two looks at the uplink; milliseconds without one after which the loop hangs.
_TURN = 0.02
_HUNG_MS = 30000
#: Milliseconds in which the answer to `reboot` gets out.
_LINGER_MS = 500
#: Datagrams that are read before everything else gets its turn.
_AT_ONCE = 16
#: Crashes in a row after which the scripts of the flash wait until the boot is steady: one of them may be why. Fewer
#: than `slots.FAILURES`, or the other version would be tried with the same scripts.
_WITHOUT_SCRIPTS = 2


class RestartError(Exception):
    """The parent wants the device to restart."""


class CrashedError(Exception):
    """An error that nobody caught: it is on the flash, and the pause before a reset is over."""


class Agent:
    """One boot.

    Args:
        folder: Of its files, with a slash at the end; empty for the current one.
        boot: Which it is; it is on the flash already.
        slot: Where the application runs from, for `status`.
        joined: Called once, when the parent knows this boot.
        methods: Makes more that it does for its parent, handlers by name: those of an update.

    Raises:
        ConfigError: the configuration names what the board has not.
    """

    def __init__(
        self,
        found: config.Config,
        folder: str,
        boot: int,
        slot: str = "",
        joined: "Callable[[], None] | None" = None,
        methods: "Callable[[config.Config], dict[str, Any]] | None" = None,
    ) -> None:
        self.clock = Clock()
        self.log = Log()
        self.log.count = boot << 20  # who follows it sees that it is another boot's
        self.device = Device(found, self.clock, self.log)
        self._config = found
        self._boot = boot
        self._hardware = None  # type: Any
        self._crashed = folder + "crash"
        self._on_joined = joined
        about = {"name": found.name, "board": found.board, "sw": VERSION}
        self.member, self._way = found.link.joins(self.device, boot, about)
        self.device.start(self.member, found.link.asks)
        self._store = store = Store(folder + "scripts/")
        said = {"name": found.name, "boot": boot, "slot": slot, "sw": VERSION}
        self.methods = Methods(self.device, store, self.log, said, self._crashed)
        table = self.methods.table()
        if methods is not None:
            table.update(methods(found))
            said["updates"] = found.updates
        for method in table:
            self.member.serve(method, table[method])
        self._telling = self._tell_crash()
        self._held = []  # type: list[str]
        if crash.row_before(self._crashed, boot, slot) >= _WITHOUT_SCRIPTS:
            self._held = store.names()
            self.device.log("error", "scripts wait")
        else:
            load_all(self.device, store)

    def _tell_crash(self) -> bool:
        """Has the parent told of a crash that it does not know of."""
        last = crash.last(self._crashed)
        if last is None or last["told"]:
            return False
        value = dict(last)
        del value["told"]
        try:
            return bool(self.member.event("crash", "crash", value))
        except CBORError:
            value["error"] = last["error"][-200:]
            return bool(self.member.event("crash", "crash", value))

    async def run(self) -> None:
        """Goes on.

        Raises:
            RestartError: the parent asks for it.
            HungError: a part does not go on.
        """
        now = self.clock.ms()
        if self._config.watchdog_ms:
            self._hardware = watchdog.hardware(self._config.watchdog_ms)
        guarding = watchdog.Watchdog(self._hardware)
        if self._config.uplink == "wifi":
            from ganglion_agent.wifi import Wifi, station

            guarding.expect("wifi", _HUNG_MS, now)
            wifi = Wifi(
                station(),
                self._config.ssid,
                self._config.password,
                self.device.log,
                lambda: guarding.alive("wifi", self.clock.ms()),
            )
            joining = asyncio.create_task(wifi.run())
            del joining  # the loop keeps it
        self.device.log("info", "{} begins its boot {}".format(self._config.name, self._boot))
        last = now
        ending = 0
        while True:
            now = self.clock.ms()
            self.turn(now, now - last)
            last = now
            guarding.feed(now)
            if self.methods.restarting:
                ending = ending or now + _LINGER_MS
                if now >= ending:
                    raise RestartError
            await asyncio.sleep(_TURN)

    def turn(self, now_ms: int, passed_ms: int) -> None:
        """One turn: what came, what is due, and what is to be sent."""
        way, member = self._way, self.member
        heard = member.heard
        out = member.advance(passed_ms)
        if way.open(now_ms):
            for _message in range(_AT_ONCE):
                data = None if member.is_busy else way.receive()
                if data is None:
                    break
                out += member.receive(data)
        if member.heard != heard:
            self.device.heard = self.clock.now()
        out += self.device.advance()
        if self._held and now_ms >= crash.STEADY * 1000:  # one in a turn, as the watchdog waits
            name = self._held.pop()
            if name not in self.device.scripts().scripts:
                load(self.device, self._store, name)
        if self.methods.live is not None:
            self.methods.live.advance(now_ms)
        for data in out:
            way.send(data)
        if member.joined:
            if self._on_joined is not None:
                self.device.log("info", "the mesh knows this boot")
                self._on_joined()
                self._on_joined = None
            if self._telling and not member.waiting:
                self._telling = False
                crash.told(self._crashed)

    def stop(self) -> None:
        """Makes everything safe, and has the watchdog leave the board alone."""
        try:
            self.device.guard.safe(self.clock.now())
        finally:
            if self._hardware is not None:
                watchdog.keep_fed(self._hardware)


def main(
    root: str = "",
    slot: str = "",
    joined: "Callable[[], None] | None" = None,
    methods: "Callable[[config.Config], dict[str, Any]] | None" = None,
) -> None:
    """Runs the agent; it returns where the board is to be reset.

    Args:
        root: The folder of its files, without a slash at its end.
        slot: The one of two that it runs from; empty where there are none, and the files are in the current folder.
        joined, methods: As `Agent` has them.

    Raises:
        KeyboardInterrupt: a person is to have the console: there was a Ctrl-C, or, as it says, the configuration is
            wrong.
        CrashedError: there was an error that nobody caught.
    """
    folder = root + "/" if root or slot else ""
    clock = Clock()
    boot = 0
    agent = None  # type: Agent | None
    try:
        try:
            found = config.read(folder)
            try:
                boot = flash.boots(folder + "boots")
            except ValueError as error:
                raise ConfigError("{}boots: {}".format(folder, error)) from None
            try:
                agent = Agent(found, folder, boot, slot, joined or _nothing, methods)
            except ImportError as error:
                raise ConfigError(
                    "{}: asks for what is not on this board, {}: `ganglion flash` or `ganglion firmware send` with "
                    "this file brings modules of ours".format(config.FILE, error)
                ) from None
            asyncio.run(agent.run())
        finally:
            if agent is not None:
                agent.stop()
    except RestartError:
        return
    except ConfigError as error:
        print(error)
        print("next: mend {}{} and restart the board".format(folder, config.FILE))
        raise KeyboardInterrupt(str(error)) from None
    except Exception as error:
        last = crash.record(folder + "crash", error, boot, clock.ms() // 1000, slot)
        seconds = crash.pause(last["row"])
        print(last["error"])
        print("restarting in {} s; Ctrl-C opens the console".format(seconds))
        time.sleep(seconds)
        raise CrashedError from None


def start() -> None:
    """Runs the agent on a board without slots, and resets the board unless a person is to have the console."""
    try:
        main()
    except KeyboardInterrupt:
        return
    except CrashedError:
        pass  # it was printed
    from machine import reset

    reset()


def _nothing() -> None:
    pass
