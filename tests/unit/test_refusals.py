# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway refuses: every sentence is marked, has its Ukrainian, and is told in it where that is asked for."""

import ast
import copy
import json
import pickle
import string
from pathlib import Path
from typing import Any

import polib
import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

import ganglion
import ganglion_gateway
from ganglion import sentences
from ganglion.errors import GanglionError, InvalidError, NotFoundError
from ganglion.expected import Expected
from ganglion.sentences import Sentence, either, joined, say
from ganglion.settings import instead
from ganglion_gateway import languages, problems
from ganglion_gateway.rollout.planning import Candidate, misfit
from ganglion_gateway.selecting.parse import parse

CODE, RUNTIME = Path(ganglion_gateway.__file__).parent, Path(ganglion.__file__).parent
OTHER = sorted(set(languages.LANGUAGES) - {"en"})
#: What is refused there is told to whom a command line, a node or a program has, and never to a page.
UNMARKED = (
    *("aiomqtt_transport", "backup", "cache", "client", "command", "dashboard", "gateway.", "homeassistant", "intents"),
    *("jobs/carrier", "keys_at_rest", "leases", "live.", "model/bridge", "model/budget", "model/configuration"),
    *("mesh.", "model/service", "relay", "release/office", "release/reported", "server", "settings"),
    *("store/database", "store/revisions", "store/url", "stream", "tracing", "webhook/connection", "api/socket"),
)
#: Errors of programs, and what takes a text that nobody is shown.
SILENT = {"ValueError", "TypeError", "RuntimeError", "AnswerError", "ServiceError"}


def name_of(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def modules() -> dict[str, ast.Module]:
    return {str(path.relative_to(CODE)): ast.parse(path.read_text()) for path in sorted(CODE.rglob("*.py"))}


MODULES = modules()


def marks(tree: ast.Module) -> list[ast.Call]:
    """The calls that make a sentence."""
    taken = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "ganglion.sentences"
        for alias in node.names
    } & {"say", "Sentence"}
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and name_of(node) in taken)
    return [call for call in calls if call.args]


def fields(sentence: str) -> list[tuple[str, str, str]]:
    parts = string.Formatter().parse(sentence)
    return sorted((name, conversion or "", spec or "") for _text, name, spec, conversion in parts if name is not None)


def said() -> dict[str, str]:
    """Sentence -> where it stands."""
    found = {}
    for path, tree in MODULES.items():
        for call in marks(tree):
            template = call.args[0]
            place = f"{path}:{call.lineno}"
            assert isinstance(template, ast.Constant), f"{place}: mark the sentence as it stands"
            found[str(template.value)] = place
    return found


def described() -> dict[str, str]:
    """What the fields and parameters of requests are for: it is said of one that is wrong."""
    document = json.loads((CODE.parents[1] / "docs" / "openapi.json").read_text())
    schemas, found, left = document["components"]["schemas"], dict[str, str](), set[str]()

    def look(part: Any, where: str) -> None:
        if isinstance(part, list):
            for each in part:
                look(each, where)
        elif isinstance(part, dict):
            if (name := part.get("$ref", "").rpartition("/")[2]) and name not in left:
                left.add(name)
                look(list(schemas[name].get("properties", {}).values()), name)
            if isinstance(part.get("description"), str) and "properties" not in part:
                found[sentences.said(part["description"]).template] = where
            look(list(part.values()), where)

    for path, methods in document["paths"].items():
        for asked in methods.values():
            look(asked.get("requestBody", {}).get("content", {}).get("application/json", {}), path)
            look(asked.get("parameters", []), path)
    return found


def test_every_refusal_is_marked() -> None:
    """The message of an error and the detail of a problem are no bare text."""
    bare = []
    for path, tree in MODULES.items():
        if path.startswith(UNMARKED):
            continue
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = name_of(call)
            place = 0 if name.endswith("Error") and name not in SILENT else 1
            if place and name not in ("HTTPException", "problem"):
                continue
            if len(call.args) > place and _is_bare(call.args[place]):
                bare.append(f"{path}:{call.lineno}: {name} says what nobody can translate: make it with say()")
    assert bare == []


def _is_bare(node: ast.expr) -> bool:
    if isinstance(node, ast.IfExp):
        return _is_bare(node.body) or _is_bare(node.orelse)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def test_a_mark_has_the_values_that_it_names() -> None:
    for path, tree in MODULES.items():
        for call in marks(tree):
            template = call.args[0]
            if name_of(call) == "say" and isinstance(template, ast.Constant):
                named = {name for name, _, _ in fields(str(template.value))}
                assert named == {each.arg for each in call.keywords}, f"{path}:{call.lineno}"


@pytest.mark.parametrize("language", OTHER)
def test_every_sentence_is_translated_and_none_is_left_over(language: str) -> None:
    files = sorted((languages.FOLDER / language / languages.REFUSALS).glob("*.po"))
    entries = [entry for file in files for entry in polib.pofile(str(file))]
    own = {entry.msgid: entry.msgstr for entry in entries if entry.translated()}
    assert sorted(entry.msgid for entry in entries) == sorted(own), "twice, or not translated"
    runtime = {entry.msgid for entry in polib.pofile(str(RUNTIME / "locale" / f"{language}.po"))}
    everything = said() | described()
    assert [f"{where}: {each!r}" for each, where in everything.items() if each not in own and each not in runtime] == []
    assert sorted(own.keys() - everything.keys()) == []
    for english, other in own.items():
        assert fields(english) == fields(other), english


def test_a_sentence_is_english_until_it_is_told() -> None:
    one = say("no node is called {who!r}{instead}", who="frige", instead=instead("frige", ["fridge"]))
    assert one == "no node is called 'frige'; did you mean \"fridge\"?"
    assert languages.told(one, "uk") == "немає вузла з назвою 'frige'; може, «fridge»?"
    assert languages.told(one, "en") == one
    for twin in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert isinstance(twin, Sentence)
        assert languages.told(twin, "uk") == languages.told(one, "uk")


def test_what_is_put_together_is_told_part_by_part() -> None:
    both = joined("; ", [say("is not UTF-8"), "as it came"])
    assert both == "is not UTF-8; as it came"
    assert languages.told({"detail": both, "errors": [{"where": "body", "message": say("none yet")}]}, "uk") == {
        "detail": "не в UTF-8; as it came",
        "errors": [{"where": "body", "message": "поки немає"}],
    }
    assert languages.told(either(["a", "b", "c"]), "uk") == "a або b або c"
    assert either(["a"]) == "a"


def test_braces_in_what_somebody_said_are_no_names() -> None:
    one = say("no node is called {value}", value="{who}{}")
    assert one == "no node is called {who}{}"
    assert languages.told(joined(": ", ["{0}", one]), "uk") == "{0}: немає вузла з назвою {who}{}"


def test_an_error_keeps_its_sentence_and_a_log_stays_english() -> None:
    error = InvalidError(say("is not UTF-8"), where=say("the text of the body"))
    assert str(error) == "the text of the body: is not UTF-8"
    assert type(str(error)) is str
    assert languages.told(sentences.of(error), "uk") == "текст вмісту: не в UTF-8"
    assert sentences.of(OSError(2, "away")) == "[Errno 2] away"
    assert sentences.of(GanglionError("as a node says it")) == "as a node says it"


def test_what_is_right_at_a_place_is_told() -> None:
    schema = {"properties": {"limit": {"type": "integer", "minimum": 1, "maximum": 500}}}
    ((_, message),) = Expected(schema).wrong([{"type": "int_parsing", "loc": ("limit",), "input": "many"}])
    assert message == "'many' is not a whole number from 1 to 500, as in 1"
    assert languages.told(message, "uk") == "'many' не підходить: має бути ціле число від 1 до 500, як-от 1"


def test_what_a_field_is_for_is_told() -> None:
    schema = {"properties": {"name": {"type": "string", "maxLength": 64, "description": "a group's name"}}}
    ((_, message),) = Expected(schema).wrong([{"type": "missing", "loc": ("name",), "input": {}}])
    assert message == "this is required: a text of at most 64 letters: a group's name"
    assert languages.told(message, "uk") == "це обов’язкове: текст, щонайбільше 64 символів: назва групи"


def test_a_selector_is_refused_in_ukrainian_with_its_place() -> None:
    with pytest.raises(InvalidError) as caught:
        parse("tag=")
    assert str(caught.value) == "selector:5: a value is missing after tag"
    assert languages.told(sentences.of(caught.value), "uk") == "selector:5: після tag бракує значення"


def test_why_a_node_is_left_out_of_a_plan_is_told() -> None:
    why = misfit(Candidate(node="a", name="a", free=10), 20)
    assert languages.told(why, "uk") == "вільно 10 байтів, а випуск займе 20"


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()
    problems.install(app)

    @app.get("/error")
    async def error() -> None:
        raise NotFoundError(say("no node is called {value}", value="fridge"))

    @app.get("/plain")
    async def plain() -> None:
        raise NotFoundError("as a node says it")

    @app.get("/http")
    async def http() -> None:
        raise HTTPException(429, say("too many requests: ask less often"), {"retry-after": "7"})

    return TestClient(app)


@pytest.mark.parametrize(
    ("path", "asked", "language", "detail"),
    [
        ("/error", None, "en", "no node is called fridge"),
        ("/error", "en", "en", "no node is called fridge"),
        ("/error", "de, fr", "en", "no node is called fridge"),
        ("/error", "uk-UA,uk;q=0.9", "uk", "немає вузла з назвою fridge"),
        ("/plain", "uk", "uk", "as a node says it"),
        ("/nowhere", "uk", "uk", "за адресою /nowhere нічого немає: що є, показує GET /openapi.json"),
        ("/http", "uk", "uk", "забагато запитів: питайте рідше"),
    ],
)
def test_a_problem_is_told_in_the_language_that_is_asked_for(
    client: TestClient, path: str, asked: str | None, language: str, detail: str
) -> None:
    answer = client.get(path, headers={} if asked is None else {"accept-language": asked})
    assert answer.json()["detail"] == detail
    assert answer.headers["content-type"] == problems.CONTENT_TYPE
    assert answer.headers["content-language"] == language
    assert answer.headers["vary"] == "Accept-Language"
    assert int(answer.headers["content-length"]) == len(json.dumps(answer.json(), ensure_ascii=False).encode())
    assert ("retry-after" in answer.headers) == (path == "/http")
