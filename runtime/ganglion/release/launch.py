# SPDX-License-Identifier: GPL-3.0-or-later
"""Which version of Ganglion a start of a node runs: the one that is installed, or one that its release has brought.

Each start begins in the installed version and comes here first. The record of releases is the pointer: what runs for
good or is on trial, and that release's wheel. A start of a trial is counted, on the disk, before that version is run;
one that could not start, or was started too often, is left here, with no server and none of its own code. Where the
disk has not what it should, the installed version runs.

A version that was launched takes what it is told from the environment, and launches nothing: `Launched.again` starts
the installed one. What is told there and the record are what versions have in common; neither takes anything away.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ganglion import __version__
from ganglion.mesh import files
from ganglion.release import record
from ganglion.release.boot import DIED, TOLD
from ganglion.release.machine import CAPS, here
from ganglion.release.record import OWN, TRIAL_STARTS, Record
from ganglion.release.trees import INSTALLED, Pointer, Trees, pointed

_log = logging.getLogger(__name__)

#: Seconds after the window of a trial within which a version that does not hang has come to an end of it.
HANGS = 90
#: How often in a row a version may say that another one is to run, before the installed one does.
_TURNS = 3
_TURNED = "GANGLION_TURNS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """What this process is.

    Attributes:
        agent: SHA-256 of the wheel that runs; "" for the installed version.
        base: The version that is installed.
        argv: What starts the installed version again.
        counted: The release whose start on trial was counted already; None where none was.
        unfit: The release that cannot run here now, since its version cannot; None where there is none.
        why: Of that.
        turns: How often in a row a version has said that another one is to run.
    """

    agent: str = ""
    base: str = __version__
    argv: tuple[str, ...] = ()
    counted: str | None = None
    unfit: str | None = None
    why: str = ""
    turns: int = 0

    def caps(self) -> dict[str, Any]:
        """What a birth says of it, so that it is known which wheels are for this node."""
        return {CAPS: here().document | {"base": self.base, "wheel": self.agent}}

    def again(self, *, other: bool = False) -> NoReturn:
        """Becomes a start of the installed version, in this process.

        Args:
            other: This start has found that another version is to run than this one.
        """
        environment = os.environ | ({_TURNED: str(self.turns + 1)} if other else {})
        _exec(list(self.argv), environment)


def launched(state: Path, clock: Callable[[], int] = time.time_ns) -> Launched:
    """What this process is. Where another version is to run, it becomes that one and this does not return.

    Args:
        state: Of the node.
        clock: Nanoseconds since the Unix epoch.

    Raises:
        RefusedError: another node has this state.
    """
    argv = (sys.executable, *sys.orig_argv[1:])
    if (told := os.environ.pop(TOLD, None)) is not None:
        return _taken(told) or Launched(argv=argv)
    died, turns = os.environ.pop(DIED, ""), _number(os.environ.pop(_TURNED, ""))
    if not (state / "release" / "record").exists():
        return Launched(argv=argv)
    with files.held(state, "node"):
        chosen = choose(state, clock, _document(died), at_rest=turns < _TURNS)
        if chosen.agent.id:
            _become(state, chosen, argv, turns)
    return Launched(argv=argv, unfit=chosen.unfit, why=chosen.why, turns=turns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What is to run: a release by a wheel, or by the installed version; and what cannot, as in `Launched`."""

    release: str = OWN
    agent: Pointer = INSTALLED
    trial: bool = False
    unfit: str | None = None
    why: str = ""


def choose(state: Path, clock: Callable[[], int], died: dict[str, Any], *, at_rest: bool = True) -> Chosen:
    """By what is on the disk; a start on trial by a wheel is counted there when it returns.

    Args:
        died: How a version has ended just now that could not run: its `release` and `why`.
        at_rest: The versions agree on which is to run.
    """
    path = state / "release" / "record"
    data = files.read(path)
    known = None if data is None else record.decode(data)
    if known is None or known.number == 0:
        if known is None:
            _log.error("%s is damaged: Ganglion %s runs, as it is installed", path, __version__)
        return Chosen()
    while True:
        agent, why = _of(state, known.runs)
        if agent.id and not why:
            why = _against(state, known, agent, died, at_rest=at_rest)
        if agent.id and not why and known.trial is not None:
            known = known.started()
            why = "" if _saved(path, known) else "the node's disk takes nothing"
        if not why:
            return Chosen(release=known.runs, agent=agent, trial=known.trial is not None)
        release, is_trial = known.runs, known.trial is not None
        _log.error("the release %s is left: %s", release[:12] or "none", why)
        known = known.reverted(why, clock()) if is_trial else known.lost(why, clock())
        _saved(path, known)
        if not is_trial:
            _log.error("Ganglion %s runs, as it is installed, and the node's own configuration", __version__)
            return Chosen(unfit=release, why=why)


def ended_often(state: Path) -> str:
    """That the node has ended too often on trial; and by which signal, where that came of native code."""
    said = (files.read(state / "crashes" / "native") or b"").decode(errors="replace").partition("\n")[0]
    signal = said.removeprefix("Fatal Python error: ")[:120].strip()
    return f"the node ended {TRIAL_STARTS} times during the trial" + (f": {signal}" if signal else "")


def _against(state: Path, known: Record, agent: Pointer, died: dict[str, Any], *, at_rest: bool) -> str:
    """Why a version is not to be run; "" where it is."""
    if died.get("release") == known.runs:
        return f"its Ganglion could not run: {died.get('why')}"
    if known.trial is not None and known.starts >= TRIAL_STARTS:
        return ended_often(state)
    if not at_rest:
        return "its Ganglion and the installed one do not agree on which is to run"
    damage = Trees.of(state).wrong(agent.id)
    return f"its Ganglion is not whole: {damage}" if damage else ""


def _of(state: Path, release: str) -> tuple[Pointer, str]:
    """The wheel of a release, and what is wrong."""
    if release == OWN:
        return INSTALLED, ""
    try:
        return pointed(state / "release" / release), ""
    except (OSError, ValueError) as error:
        return INSTALLED, f"its Ganglion is not known: {error}"


def _saved(path: Path, known: Record) -> bool:
    try:
        files.write(path, record.encode(known))
    except OSError as error:
        _log.error("%s cannot be written: %s", path, error.strerror)
        return False
    return True


def _document(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() else 0


def _become(state: Path, chosen: Chosen, argv: tuple[str, ...], turns: int) -> NoReturn:
    told = {
        "agent": chosen.agent.id,
        "release": chosen.release,
        "trial": chosen.trial,
        "base": __version__,
        "argv": argv,
        "tree": str(Trees.of(state).library(chosen.agent.id)),
        "path": sys.path,
        "seconds": chosen.agent.window + HANGS if chosen.trial else 0,
        "turns": turns,
    }
    # The same as this interpreter was told: what of the environment was not heard here is not heard there
    flags = ["-I"] if sys.flags.isolated else [*["-E"] * sys.flags.ignore_environment, *["-s"] * sys.flags.no_user_site]
    boot = str(Path(__file__).with_name("boot.py").absolute())
    _exec([sys.executable, *flags, "-P", boot, *sys.argv[1:]], os.environ | {TOLD: json.dumps(told)})


def _exec(words: list[str], environment: Mapping[str, str]) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(words[0], words, environment)  # noqa: S606 - this very program


def _taken(told: str) -> Launched | None:
    """What the installed version has told this one; None where that is not for this one."""
    try:
        found = json.loads(told)
        argv = tuple(map(str, found["argv"]))
        here = Path(__file__).resolve().is_relative_to(Path(str(found["tree"])).resolve())
        if not argv or not here:
            return None
        return Launched(
            agent=str(found["agent"]),
            base=str(found["base"]),
            argv=argv,
            counted=str(found["release"]) if found["trial"] is True else None,
            turns=int(found["turns"]),
        )
    except (ValueError, TypeError, KeyError):
        return None
