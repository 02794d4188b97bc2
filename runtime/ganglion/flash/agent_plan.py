# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of the agent a board lacks, and in which slot they come. No I/O.

A slot that is known to be good is not touched: a version that is another comes into the other slot, on trial, as an
update over the mesh does (see `ganglion_agent.slots`). The manifest is the last of a slot, and the pointer the last of
all, so that wherever a break is, the board runs what it ran.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from ganglion.device.files import PART
from ganglion.firmware import Bundle
from ganglion.flash.plan import Step
from ganglion_agent.manifest import MANIFEST
from ganglion_agent.slots import GOOD, POINTER, SLOTS, line_of, record_of

CONFIG, BOOTS, MAIN = "agent.json", "boots", "main.py"
#: At the end of the name under which a file of the owner's is kept that gives way.
ASIDE = ".before"


@dataclass(frozen=True, slots=True, kw_only=True)
class There:
    """What is on a board.

    Attributes:
        digests: Path to SHA-256, of the files that `asked` names and that are there.
        pointer: The content of the slots' pointer; None where there is none.
        names: Every file of the slots, by its path.
        config: The content of `agent.json`; None where there is none.
        main: The content of `main.py`, where it is another than ours; None where there is none.
        boots: How often it has started, as far as it knows; None where it does not.
    """

    digests: Mapping[str, str]
    pointer: bytes | None
    names: Sequence[str]
    config: bytes | None
    main: bytes | None
    boots: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be on it.

    Attributes:
        bundle: The version of the agent.
        config: The content of `agent.json`.
        key: The path and the content of the leaf's key or the enrol key; None where that of the board stays.
        account: The path and the content of the account at the broker; None where there is none, or it stays.
        boots: What the parent knows of its boots: it believes no smaller number.
    """

    bundle: Bundle
    config: bytes
    key: tuple[str, bytes] | None
    boots: int
    account: tuple[str, bytes] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPlan:
    """What is to be done.

    Attributes:
        steps: For people.
        removed: Paths, first of all.
        written: Path to content, in order.
    """

    steps: tuple[Step, ...]
    removed: tuple[str, ...]
    written: Mapping[str, bytes]


def asked(wanted: Bundle) -> list[str]:
    """The paths whose digests decide."""
    inside = [*wanted.files, MANIFEST]
    return [*wanted.outside, *(f"{slot}/{name}" for slot in SLOTS for name in inside)]


def plan(wanted: Wanted, there: There) -> AgentPlan:
    """What is to be done to a board, so that it has what is wanted."""
    steps: list[Step] = []
    written: dict[str, bytes] = {}
    bundle = wanted.bundle

    def put(files: Mapping[str, bytes], part: str, what: str) -> None:
        lacking = {path: data for path, data in files.items() if there.digests.get(path) != sha256(data).hexdigest()}
        if same := len(files) - len(lacking):
            steps.append(Step(part=part, does="keep", what=_count(same, what), there="the same, by their SHA-256"))
        if lacking:
            others = sum(path in there.digests for path in lacking)
            said = "nothing"
            if others:
                said = "another" if len(lacking) == 1 else f"another in the place of {others} of them"
            size = sum(map(len, lacking.values()))
            steps.append(Step(part=part, does="write", what=_count(len(lacking), what), there=said, size=size))
        written.update(lacking)

    slot, pointer = _slot(bundle, there)
    inside = {f"{slot}/{name}": data for name, data in sorted(bundle.files.items())}
    manifest = f"{slot}/{MANIFEST}"
    # What a break has left of a file that is still to be written is gone on with
    begun = {path + PART for path, data in inside.items() if there.digests.get(path) != sha256(data).hexdigest()}
    known = {*inside, manifest, *begun}
    strays = [path for path in there.names if path.startswith(f"{slot}/") and path not in known]
    removed = list(strays)
    if strays:
        what = _count(len(strays), f"of slot {slot} that this version has not")
        steps.append(Step(part="agent", does="remove", what=what))
    start = {path: data for path, data in bundle.outside.items() if path != MAIN}
    put(start, "agent", "for the start of the slots")
    put(inside, "agent", f"of version {bundle.version} in slot {slot}")
    if there.digests.get(manifest) != sha256(bundle.manifest).hexdigest():
        removed += [manifest] if manifest in there.names else []  # no version until it is whole
        written[manifest] = bundle.manifest
    _configure(wanted, there, steps, written)
    if there.main is not None:
        steps.append(_aside(MAIN, there.main, written))
    put({MAIN: bundle.outside[MAIN]}, "agent", f"{MAIN}, which starts it")
    if pointer is not None:
        steps.append(
            Step(part="start", does="write", what=f"slot {slot} on trial", there="another slot", size=len(pointer))
        )
        written[POINTER] = pointer
    return AgentPlan(steps=tuple(steps), removed=tuple(removed), written=written)


def _configure(wanted: Wanted, there: There, steps: list[Step], written: dict[str, bytes]) -> None:
    if there.config == wanted.config:
        steps.append(Step(part="config", does="keep", what=CONFIG, there="the same"))
    else:
        if there.config is not None:
            steps.append(_aside(CONFIG, there.config, written))
        said = "nothing" if there.config is None else "another"
        steps.append(Step(part="config", does="write", what=CONFIG, there=said, size=len(wanted.config)))
        written[CONFIG] = wanted.config
    if wanted.key is None:
        steps.append(Step(part="key", does="keep", what="the key that it has"))
    for secret in (wanted.key, wanted.account):
        if secret is None:
            continue
        path, data = secret
        if there.digests.get(path) == sha256(data).hexdigest():
            steps.append(Step(part="key", does="keep", what=path, there="the same, by its SHA-256"))
        else:
            said = "another" if path in there.digests else "nothing"
            steps.append(Step(part="key", does="write", what=path, there=said, size=len(data)))
            written[path] = data
    if wanted.boots > (there.boots or 0):
        boots = str(wanted.boots).encode()
        said = "a smaller number" if there.boots is not None else "nothing"
        what = f"{BOOTS}: {wanted.boots}, as its parent has counted them"
        steps.append(Step(part="key", does="write", what=what, there=said, size=len(boots)))
        written[BOOTS] = boots


def _aside(path: str, content: bytes, written: dict[str, bytes]) -> Step:
    written[path + ASIDE] = content
    return Step(part="config", does="set aside", what=f"{path} as {path}{ASIDE}", size=len(content))


def _slot(bundle: Bundle, there: There) -> tuple[str, bytes | None]:
    """The slot for a version, and the pointer to it where that has to be another."""
    try:
        record = record_of(there.pointer or b"")
    except ValueError:
        return SLOTS[0], None  # who starts it looks for a slot that is whole
    runs, kept, _, back = record
    if _is_in(bundle, runs, there) or (not kept and back != GOOD):
        return runs, None
    target = SLOTS[1 - SLOTS.index(runs)] if kept else runs
    return target, line_of((target, False, 0, GOOD))


def _is_in(bundle: Bundle, slot: str, there: There) -> bool:
    return there.digests.get(f"{slot}/{MANIFEST}") == sha256(bundle.manifest).hexdigest() and all(
        there.digests.get(f"{slot}/{name}") == sha256(data).hexdigest() for name, data in bundle.files.items()
    )


def _count(number: int, what: str) -> str:
    return what if what.startswith(MAIN) else f"{number} file{'s' * (number != 1)} {what}"
