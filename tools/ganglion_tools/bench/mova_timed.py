# SPDX-License-Identifier: GPL-3.0-or-later
"""What of MOVA is timed, and the peers that do a part of the same, each with its correctness gate."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganglion.intent.patterns import Intent, Patterns
from ganglion.mova import expression
from ganglion.mova.check import check
from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion.mova.vocabulary import json_schema
from ganglion_micro.effects import DONE, PROMPT
from ganglion_micro.engine import Engine
from ganglion_micro.expression import evaluate
from ganglion_tools.bench.timing import Contestant

#: A document of 3.4 kB, of the size and with the parts of those that are in use.
DOCUMENT = Path(__file__).with_name("order.json")
EXPRESSION = "price * count > 100 and city == 'Kyiv'"
VALUES = {"price": 12.5, "count": 9, "city": "Kyiv"}
INTENTS = 1000
#: Steps of the run that is timed: an episode tells each of them.
STEPS = 100

_EVENT = {"id": "e", "source": "s", "topic": "t", "value": 9.5, "payload": 9.5, "timestamp": 1}
_HEAD = 'version: "2.2"\ndialect: edge/1\nname: bench\nprotocols:\n  - name: main\n    steps:\n'
_ROUND = """\
      - {{id: add_{i}, action: set, values: {{n: n + 1}}}}
      - {{id: is_{i}, action: condition, conditions: [{{variable: n, operator: greater_than, value: {i}}}]}}
"""
_EVENT_STEPS = """\
      - {id: warm, action: condition, conditions: [{variable: session.data.limit, operator: less_than, value: 9,
         next_step_id: ask}], next_step: done}
      - {id: ask, action: prompt, prompt: "It is {event.value} here. What now?"}
      - {id: done, action: end}
"""


def once(name: str, does: Callable[[], bool]) -> Contestant:
    """Something that is done so many times, and says each time whether it was right."""
    return Contestant(name=name, run=lambda rounds: sum(does() for _ in range(rounds)), expected=1)


def text(suffix: str) -> str:
    """The document, in JSON or YAML."""
    if suffix == ".json":
        return DOCUMENT.read_text(encoding="utf-8")
    import yaml

    return yaml.safe_dump(json.loads(text(".json")), sort_keys=False, allow_unicode=True)


def parsing(suffix: str) -> Contestant:
    written = text(suffix)
    return once("ganglion", lambda: len(load(written, file=f"order{suffix}").root or ()) == 7)


def checking() -> Contestant:
    document = load(DOCUMENT)
    return once("ganglion", lambda: check(document) == [])


def compiling() -> Contestant:
    document = load(DOCUMENT)
    return once("ganglion", lambda: compile(document).protocols == ["order_pizza"])


def stepping() -> Contestant:
    """Half of the steps compute, half of them decide."""
    steps = "".join(_ROUND.format(i=i) for i in range(STEPS // 2))
    engine = Engine(compile(load(_HEAD + steps, file="bench.yaml")).body)
    session = {"session_id": "s", "data": {"n": 1}}

    def run() -> bool:
        (done,) = engine.start(0, _EVENT, session, 1)
        return done.kind == DONE and len(done.episode["steps"]) == STEPS

    return once("ganglion", run)


def answering() -> Contestant:
    """One event: a session is made, a condition decides, a prompt goes out and its answer comes, the run ends."""
    engine = Engine(compile(load(_HEAD + _EVENT_STEPS, file="bench.yaml")).body)
    session = {"session_id": "s", "data": {"limit": 8}}

    def run() -> bool:
        (prompt,) = engine.start(0, _EVENT, session, 1)
        (done,) = engine.resume(prompt.run, ["Close the door.", "model", 4], 2)
        return prompt.kind == PROMPT and len(done.episode["steps"]) == 3

    return once("ganglion", run)


def recognising(*, hit: bool) -> Contestant:
    """Two phrases and a regular expression an intent; the text begins as they do, or is that of the last of them."""
    intents = [
        Intent(name=str(i), patterns=[f"turn on the lamp {i}", f"light in room {i} please", rf"lamp (on|off) in {i}\b"])
        for i in range(INTENTS)
    ]
    patterns, last = Patterns(intents), str(INTENTS - 1)
    if hit:
        return once("ganglion", lambda: (match := patterns.find(f"light in room {last} please")) is not None
                    and match.intent.name == last)  # fmt: skip
    return once("ganglion", lambda: patterns.find("turn on the radio in the kitchen") is None)


def evaluating(*, parsed: bool) -> Contestant:
    code, scope = expression.parse(EXPRESSION), dict[str, Any]()
    if parsed:
        return once("ganglion", lambda: evaluate(code, scope, VALUES) is True)
    return once("ganglion", lambda: evaluate(expression.parse(EXPRESSION), scope, VALUES) is True)


def json_module() -> Contestant:
    written = text(".json")
    return once("json", lambda: len(json.loads(written)) == 7)


def pyyaml() -> Contestant:
    """With libyaml, which ours reads with, too."""
    import yaml

    written = text(".yaml")
    return once("yaml", lambda: len(yaml.load(written, Loader=yaml.CSafeLoader)) == 7)


def fastjsonschema() -> Contestant:
    """The language's own JSON Schema, compiled; it says less than `check`, which follows references."""
    import fastjsonschema

    validate = fastjsonschema.compile(json_schema())
    document = json.loads(text(".json"))
    return once("fastjsonschema", lambda: validate(document) is document)


def asteval(*, parsed: bool) -> Contestant:
    from asteval import Interpreter

    interpreter = Interpreter(user_symbols=dict(VALUES), minimal=True)
    tree = interpreter.parse(EXPRESSION)
    if parsed:
        return once("asteval", lambda: interpreter.run(tree) is True)
    return once("asteval", lambda: interpreter(EXPRESSION) is True)
