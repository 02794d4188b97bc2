# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with a document: each of `WORK` takes a question and gives an answer, which are documents of JSON.

Nothing outside of the process is reached: tests and runs are in virtual time, and no recording is read.
"""

import base64
from collections.abc import Callable, Iterable
from typing import Any

from ganglion.errors import InvalidError, NotFoundError
from ganglion.mova.check import check, refuse
from ganglion.mova.compile import compile
from ganglion.mova.diagnostic import explained, report
from ganglion.mova.episode import bounded
from ganglion.mova.graph import graph, places
from ganglion.mova.load import Document, load
from ganglion.mova.model import Protocol, model
from ganglion.mova.plan import Plan
from ganglion.mova.rehearsal import World, rehearse
from ganglion.mova.stage import Happening
from ganglion.mova.trial import Outcome
from ganglion.mova.trial import run as run_test
from ganglion.mova.virtual import BEGINNING
from ganglion.sentences import say
from ganglion.units import MILLISECOND, SECOND
from ganglion.words import speaking

Answer = dict[str, Any]

#: Of what happened in a test or a run, and of its episodes, so many are told.
MAX_HAPPENED, MAX_EPISODES = 500, 10
#: Letters of a value that is told.
_LONG = 400
_RECORDED = "its feed is a recording, a file beside the document: `ganglion mova test` reads it where that is"


def checked(asked: Answer) -> Answer:
    """What is wrong with it, and what it has."""
    with speaking(asked.get("language", "en")):
        document = _loaded(asked)
        found = check(document)
        answer = report(document, found)
        for each in answer["diagnostics"]:
            each["about"] = explained(each["code"])
    has_parts = document.root is not None and bool(document.form)
    of = model(document) if has_parts else None
    tests = document.root.get("tests") if document.root is not None else None
    return answer | {
        "name": "" if of is None else of.name,
        "protocols": [] if of is None else [each.name for each in of.protocols],
        "tests": len(tests) if isinstance(tests, list) else 0,
    }


def drawn(asked: Answer) -> Answer:
    """Flowcharts of its protocols, and the place in the text of each of their boxes."""
    document = _loaded(asked)
    refuse(document)
    of = model(document)
    chosen = [each for each in of.protocols if asked.get("protocol") in (None, each.name)]
    if asked.get("protocol") is not None and not chosen:
        raise _no_protocol(document, asked["protocol"], of.protocols)
    return {
        "graphs": [
            {"protocol": each.name, "mermaid": graph(of, each), "boxes": _boxes(document, each)} for each in chosen
        ]
    }


def _boxes(document: Document, protocol: Protocol) -> dict[str, dict[str, int]]:
    found = {}
    for box, place in places(protocol).items():
        line, column = document.report.position(place.offset)
        found[box] = {"line": line, "column": column}
    return found


def tested(asked: Answer) -> Answer:
    """What became of its tests."""
    document = _loaded(asked)
    plan = compile(document)
    outcomes = list(_outcomes(document, plan, asked.get("name") or ""))
    return {"passed": all(not each["failures"] for each in outcomes), "tests": outcomes}


def _outcomes(document: Document, plan: Plan, named: str) -> Iterable[Answer]:
    assert document.root is not None  # it was compiled
    tests: Any = document.root.get("tests") or []  # with places, where there are any
    for i, test in enumerate(tests):
        if named not in test["name"]:
            continue
        line, column = document.report.position(tests.values_at[i])
        told: Answer = {"name": test["name"], "line": line, "column": column}
        feed = test.get("feed")
        if isinstance(feed, dict) and "trace" in feed and not isinstance(feed["trace"], list):
            yield told | {
                "passed": False,
                "failures": [_RECORDED],
                "happened": [],
                "episodes": [],
                "began": 0,
                "virtual_s": 0.0,
            }
        else:
            yield told | _outcome(run_test(plan, test, where=f"{document.file}:{line}:{column}: tests[{i}]"))


def _outcome(outcome: Outcome) -> Answer:
    return {
        "passed": not outcome.failures,
        "failures": [_cut(each) for each in outcome.failures],
        "happened": _happened(outcome.happened),
        "episodes": [bounded(each) for each in outcome.episodes[:MAX_EPISODES]],
        "began": outcome.began,
        "virtual_s": outcome.elapsed / SECOND,
    }


def compiled(asked: Answer) -> Answer:
    """The plan of it, which passes its own tests."""
    document = _loaded(asked)
    plan = compile(document)
    for each in _outcomes(document, plan, ""):
        if each["failures"]:
            where = f"{document.file}:{each['line']}:{each['column']}"
            raise InvalidError(
                say("the test {name!r} fails: {why}", name=each["name"], why=each["failures"][0]), where=where
            )
    data = plan.encode()
    encoded = base64.urlsafe_b64encode(data).decode()
    return {"name": plan.name, "hash": plan.hash, "bytes": len(data), "plan": encoded}


def run(asked: Answer) -> Answer:
    """What one run of one of its protocols did."""
    document = _loaded(asked)
    refuse(document)
    of = model(document)
    protocol = asked["protocol"]
    if protocol not in [each.name for each in of.protocols]:
        raise _no_protocol(document, protocol, of.protocols)
    data = of.data | asked["session"]
    value = asked["value"]
    if isinstance(value, str):  # as `ganglion mova run --input`
        data.setdefault("user_input", value)
    world = World(value=value, data=data, sensors=asked["sensors"], llm=asked["llm"], tools=asked["tools"])
    done = rehearse(compile(document, only=protocol), protocol, world)
    left = done.data if done.data is None or len(repr(done.data)) < 100 * _LONG else {"…": "too much to be shown"}
    return {
        "episode": bounded(done.episode),
        "session": left,
        "happened": _happened(done.happened),
        "began": BEGINNING,
        "virtual_s": done.elapsed / SECOND,
    }


def _no_protocol(document: Document, name: str, protocols: list[Protocol]) -> NotFoundError:
    names = ", ".join(each.name for each in protocols) or say("none")
    return NotFoundError(
        say("{file} has no protocol {name!r}, but {names}", file=document.file, name=name, names=names)
    )


def _happened(happened: list[Happening]) -> list[Answer]:
    return [
        {"at_ms": each.at // MILLISECOND, "kind": each.kind, "name": each.name, "value": _cut(each.value)}
        for each in happened[:MAX_HAPPENED]
    ]


def _cut(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else repr(value)
    return value if len(text) <= _LONG else text[:_LONG] + "…"


def _loaded(asked: Answer) -> Document:
    return load(asked["text"], file=asked["file"])


WORK: dict[str, Callable[[Answer], Answer]] = {
    "check": checked,
    "graph": drawn,
    "test": tested,
    "compile": compiled,
    "run": run,
}
