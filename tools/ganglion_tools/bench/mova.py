# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion bench mova`: reading, checking and running scripts, beside those who do a part of it in the same run.

The original is not on PyPI: its figures are those that shared/design/mova.md has from the reference
machine. Of rates the goal is the page's number; of the check from the shell it is a part of what the original took.
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from ganglion.errors import GanglionError
from ganglion.firmware import build
from ganglion.firmware.heap import STEPS, measure, profile
from ganglion.firmware.interpreter import cached
from ganglion_tools import up
from ganglion_tools.bench import mova_timed as timed
from ganglion_tools.bench import mova_weigh
from ganglion_tools.bench.figure import Figure, figure
from ganglion_tools.bench.progress import begins
from ganglion_tools.bench.timing import Contestant, nanoseconds
from ganglion_tools.micropython import interpreter

ORIGINAL = "the original, on the reference machine"
_ROUNDS = 400
#: The script that idles: the one of `ganglion up`.
_SCRIPT = Path(up.__file__).with_name("fridge.yaml")


def figures() -> list[Figure]:
    """All of them; takes half a minute, and longer the first time, when apt fetches MicroPython.

    Raises:
        GanglionError: a contestant did something wrong.
    """
    size = f"a document of {timed.DOCUMENT.stat().st_size / 1000:.1f} kB"
    return [
        *_shell(f"check {size} from the shell"),
        *_rates(f"parse {size}, JSON", timed.parsing(".json"), {"json": timed.json_module}, goal=1000, original=44),
        *_rates(
            f"parse {size}, YAML", timed.parsing(".yaml"), {"yaml": timed.pyyaml}, goal=345, original=345, rounds=100
        ),
        *_rates(
            f"check {size}",
            timed.checking(),
            {"fastjsonschema": timed.fastjsonschema},
            goal=2000,
            original=420,
            rounds=100,
        ),
        *_rates(f"compile {size}", timed.compiling(), {}),
        *_rates("steps of the engine, trace on", timed.stepping(), {}, goal=300_000, original=87_000, each=timed.STEPS),
        *_rates("events: session, condition, prompt, end", timed.answering(), {}, goal=60_000, original=28_000),
        *_rates(
            f"intents, a text that none of {timed.INTENTS:,} knows",
            timed.recognising(hit=False),
            {},
            goal=100_000,
            original=4500,
        ),
        *_rates(f"intents, a text that one of {timed.INTENTS:,} knows", timed.recognising(hit=True), {}),
        *_expressions(),
        _idle(),
        *_board(),
    ]


def _shell(name: str) -> list[Figure]:
    begins("mova", name)
    seconds, megabytes = mova_weigh.check(timed.DOCUMENT)
    return [
        _beside(f"{name}, wall", "s", seconds, original=0.71, goal=0.25),
        _beside(f"{name}, memory", "MB", megabytes, original=83, goal=0.35),
    ]


def _beside(name: str, unit: str, value: float, *, original: float, goal: float) -> Figure:
    return figure(
        name=name, unit=unit, value=value, more_is_better=False, peer=ORIGINAL, peer_value=original, goal=goal
    )


def _rates(
    name: str,
    mine: Contestant,
    theirs: Mapping[str, Callable[[], Contestant]],
    *,
    goal: float | None = None,
    original: float | None = None,
    each: int = 1,
    rounds: int = _ROUNDS,
) -> list[Figure]:
    """Ours alone, for the goal, then beside each of the others.

    Args:
        theirs: By the module that they are.
        original: A second, of the original.
        each: How many are done in one time.
    """
    begins("mova", name)
    present = [make() for module, make in theirs.items() if find_spec(module)]
    costs = nanoseconds([mine, *present], rounds=rounds)
    rate = each * 1e9 / costs[mine.name]
    beside = {ORIGINAL: original} if original else dict[str, float | None]()
    beside |= {module: each * 1e9 / costs[module] if module in costs else None for module in theirs}
    return [
        figure(name=name, unit="1/s", value=rate, more_is_better=True, goal=goal),
        *(
            figure(name=name, unit="1/s", value=rate, more_is_better=True, peer=peer, peer_value=value)
            for peer, value in beside.items()
        ),
    ]


def _expressions() -> list[Figure]:
    found = []
    for name, parsed in (("evaluate an expression that is parsed", True), ("parse and evaluate an expression", False)):
        mine, theirs = timed.evaluating(parsed=parsed), {"asteval": partial(timed.asteval, parsed=parsed)}
        found += _rates(name, mine, theirs, rounds=10 * _ROUNDS)
    return found


def _memory(name: str, unit: str, value: float, *, goal: float | None = None) -> Figure:
    return figure(name=name, unit=unit, value=value, more_is_better=False, goal=goal)


def _idle() -> Figure:
    name = f"memory of {mova_weigh.SCRIPTS:,} idle scripts"
    begins("mova", name)
    return _memory(name, "MiB", mova_weigh.mebibytes(_SCRIPT), goal=20)


def _board() -> list[Figure]:
    begins("mova", "the heap of a script under MicroPython of 32 bits")
    try:
        bundle, command = build(), interpreter(cached("i386"), "i386")
        engine, taken = profile(bundle, command)["ganglion_micro.engine"], measure(bundle, command)
    except GanglionError as error:
        print(f"bench mova: without MicroPython: {error}", file=sys.stderr)
        return []
    name = f"heap under MicroPython of 32 bits, {STEPS} steps"
    return [
        _memory(f"{name}: engine and plan", "KiB", (engine + taken.plan) / 1024, goal=24),
        _memory(f"{name}: the plan alone", "KiB", taken.plan / 1024),
        _memory(f"{name}: a run, with the records of all of them", "KiB", taken.run / 1024),
    ]
