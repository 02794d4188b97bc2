# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the agent of the slot that is to run, and resets the board when it ends; it is outside of both slots.

Outside are `main.py` and a package `ganglion_agent` with this, `files`, `manifest`, `rom` and `slots`. No update
touches them, so whatever a slot holds, this runs: a cable and `ganglion flash` replace it. What it starts is
`ganglion_agent.entry.main(root, slot)` of the slot; that it returns means that it wants a reset.

Three things end a trial (see `slots`): exceptions, as each boot is counted; a hang, by a timer that does not ask the
slot's code; and by the watchdog that the agent starts, where not even a timer's callback is run any more.

A boot that the watchdog has ended is told by the next one, as a crash. `machine.reset_cause` alone does not say so: an
RP2 names the watchdog after each `machine.reset`. So a file is there while an agent runs, and gone after its end.
"""

import sys

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

    from ganglion_agent.slots import Slots

#: Milliseconds that one boot of a trial may take to confirm itself.
TRIAL_MS = 300000
#: Milliseconds in which a key opens the console, before what is not known to be good is tried once more.
RESCUE_MS = 60000
#: The folder of `rom`.
IN_PLACE = "/rom/ganglion"
#: The file with the last crash, as `crash` has it, and the most letters of its error.
CRASH = "crash"
_LETTERS = 600
#: The file with the name of a slot, while its agent runs.
RUNNING = "running"

_timers: "list[Any]" = []  # one that nobody holds is collected, and never comes


def run(root: str = "") -> None:
    """One boot: returns to MicroPython's console where a person wants it or nothing can be run, and else resets."""
    slot = _chosen(root)
    if not slot:
        return
    try:
        _begun(root, slot)
        try:
            _start(root, slot)
        finally:
            _ended(root)
    except KeyboardInterrupt as error:  # a Ctrl-C, or a configuration that is wrong: for a person at the console
        slots = _slots(root, slot)
        if not slots.trial:
            return
        if error.args:  # this version cannot go by it, and another boot changes nothing
            if not slots.whole(slots.other):
                return
            _keep(root, slot, str(error))  # whoever has sent it is told
            _do(slots.expire)
        else:
            print("ganglion: this version is on trial; press a key for the console")
            if _pressed(RESCUE_MS):
                return
    except Exception as error:
        slots = _slots(root, slot)
        if type(error).__name__ == "CrashedError":  # the agent's own, which it has kept
            row = _last(root).get("row", 1)
            _do(lambda: slots.fail(row))
        else:
            said = _traced(error)
            print(said)
            _keep(root, slot, said)
            _do(slots.fail)
    _reset()


def _chosen(root: str) -> str:
    """The slot that is to run; empty for the console."""
    slots = _slots(root)
    slot = slots.boot(_hung(root))
    if not slot:
        print("ganglion: neither slot has anything to run; flash this board again")
        return ""
    if slots.rescue:
        print("ganglion: no version here is known to be good; press a key for the console")
        if _pressed(RESCUE_MS):
            return ""
    if slots.trial:
        _limit(root, slots)
    return slot


def _slots(root: str, slot: str = "") -> "Slots":
    """The slots, by the modules outside of them, which are let go again: an agent needs the heap."""
    _forget(root, slot)
    from ganglion_agent import files
    from ganglion_agent.slots import Slots

    return Slots(files, root, slot)


def _forget(root: str, slot: str) -> None:
    """No module of ours is loaded, and those outside are found."""
    for name in [name for name in sys.modules if name.partition(".")[0] in ("ganglion_agent", "ganglion_micro")]:
        del sys.modules[name]
    for path in (root + "/" + slot, IN_PLACE):
        if path in sys.path:
            sys.path.remove(path)


def _start(root: str, slot: str) -> None:
    """The agent of a slot, with modules of that slot alone."""
    path = _in_place(root, slot) or root + "/" + slot
    _forget(root, slot)
    sys.path.insert(0, path)
    __import__("ganglion_agent.entry", None, None, ["main"]).main(root, slot)


def _in_place(root: str, slot: str) -> str:
    """Where the slot's code runs without a copy in the heap; empty on a board that has no such place."""
    _forget(root, slot)
    try:
        import vfs

        from ganglion_agent import files, rom

        return rom.installed(files, vfs, root + "/" + slot)
    except ImportError:
        return ""  # an old MicroPython has no such module
    except (OSError, ValueError) as error:
        print("ganglion: the code runs from the slot's files, as the ROMFS could not be filled:", error)
        return ""


def _limit(root: str, slots: "Slots") -> None:
    """Ends the trial in its time, where the port has a timer that is free."""

    def over(timer: "Any") -> None:
        _timers.clear()
        if slots.trial:
            print("ganglion: this version has not confirmed itself in time")
            _ended(root)
            _keep(root, slots.slot, "this version has not confirmed itself in {} s".format(TRIAL_MS // 1000))
            _do(slots.expire)
            _reset()

    try:
        from machine import Timer
    except ImportError:
        return
    for number in (-1, 0):  # a virtual one, or the first of the chip's
        try:
            timer = Timer(number)
            timer.init(mode=Timer.ONE_SHOT, period=TRIAL_MS, callback=over)
            _timers.append(timer)
            return
        except (ValueError, TypeError, OSError):
            pass


def _traced(error: BaseException) -> str:
    """The end of an error's traceback."""
    import io

    text = io.StringIO()
    sys.print_exception(error, text)  # type: ignore[attr-defined] # MicroPython's
    return text.getvalue().strip()[-_LETTERS:]


def _keep(root: str, slot: str, said: str, kind: str = "error", boot: int = 0) -> None:
    """Writes why a slot could not be started, or has ended, as a crash that the next agent to run tells its parent."""
    import json

    last = _last(root)
    row = last["row"] + 1 if boot and last.get("boot") == boot - 1 and last.get("slot") == slot else 1
    said = "slot {}\n{}".format(slot, said)
    crash = {"boot": boot, "slot": slot, "seconds": 0, "row": row, "kind": kind, "error": said, "told": False}

    def write() -> None:
        with open(root + "/" + CRASH, "w") as file:
            json.dump(crash, file)

    _do(write)


def _last(root: str) -> "dict[str, Any]":
    """The last crash; empty where there is none."""
    import json

    try:
        with open(root + "/" + CRASH) as file:
            found = json.load(file)
        return found if type(found["row"]) is int else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _begun(root: str, slot: str) -> None:
    """The agent of a slot runs."""
    if _text(root, RUNNING) != slot:  # after a power cut it is there

        def write() -> None:
            with open(root + "/" + RUNNING, "w") as file:
                file.write(slot)

        _do(write)


def _ended(root: str) -> None:
    """No agent runs any more, and a reset that comes is not the watchdog's."""
    import os

    try:
        os.remove(root + "/" + RUNNING)
    except OSError:
        pass  # it could not be written, either


def _hung(root: str) -> bool:
    """Whether the watchdog has ended the agent of the boot before; that is kept as a crash."""
    slot = _text(root, RUNNING)
    if not slot or not _was_watchdog():
        return False
    boots = _text(root, "boots")
    _keep(root, slot, "the watchdog ended this boot: it hung", "watchdog", int(boots) if boots.isdigit() else 0)
    _ended(root)  # whatever the next reset is: this one is told once
    return True


def _text(root: str, name: str) -> str:
    """A small file; empty where there is none."""
    try:
        with open(root + "/" + name) as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def _do(change: "Any") -> None:
    """A change of the flash; one that fails is said, and does not keep the board from its reset."""
    try:
        change()
    except OSError as error:
        print("ganglion: the flash could not be written:", error)


def _pressed(ms: int) -> bool:
    """Whether a key comes in time, on the serial line of the console."""
    import select

    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)
    return bool(poll.poll(ms))


def _was_watchdog() -> bool:
    try:
        from machine import WDT_RESET, reset_cause
    except ImportError:
        return False
    return bool(reset_cause() == WDT_RESET)


def _reset() -> None:
    import machine

    machine.reset()
