# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion mova lsp` as an editor meets it: a session over stdin and stdout with a process of its own."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganglion.mova.check import check
from ganglion.mova.load import load
from support.editor import Editor, RequestError, cursor, cut
from support.mova import VECTORS

FRIDGE = (Path(__file__).parents[2] / "tools/ganglion_tools/up/fridge.yaml").read_text()
PIZZA = (VECTORS / "classes/pizza_2_2.json").read_text()
PRESETS = (VECTORS / "flat/presets_and_tool_calling.json").read_text()
YAML, JSON = "file:///dir/x.yaml", "file:///dir/x.json"


@pytest.fixture(scope="module")
def editor() -> Iterator[Editor]:
    with Editor() as editor:
        yield editor
        code, said = editor.close()
        assert code == 0
        assert "Traceback" not in said
        assert [each for each in editor.messages if each["method"] == "window/showMessage"] == []


def at(editor: Editor, method: str, text: str, uri: str = YAML, **more: Any) -> tuple[str, Any]:
    """The text without its cursor, and the answer to a request there."""
    text, line, character = cursor(text)
    editor.open(text, uri)
    return text, editor.ask(method, line, character, uri, **more)


def completed(editor: Editor, text: str, label: str, uri: str = YAML) -> str:
    """The text after one completion of a list has been chosen."""
    text, found = at(editor, "completion", text, uri)
    (item,) = [each for each in found["items"] if each["label"] == label]
    lines = text.split("\n")
    span = item["textEdit"]["range"]
    assert span["start"]["line"] == span["end"]["line"]
    line = lines[span["start"]["line"]].encode("utf-16-le")
    line = (
        line[: 2 * span["start"]["character"]]
        + item["textEdit"]["newText"].encode("utf-16-le")
        + line[2 * span["end"]["character"] :]
    )
    lines[span["start"]["line"]] = line.decode("utf-16-le")
    return "\n".join(lines)


def labels(editor: Editor, text: str, uri: str = YAML) -> list[str]:
    return [each["label"] for each in at(editor, "completion", text, uri)[1]["items"]]


def test_a_document_that_has_no_form_yet_is_offered_both(editor):
    assert {"classes", "protocols"} <= set(labels(editor, 'version: "2.2"\n|'))
    assert "classes" in labels(editor, 'version: "2.2"\ncl|')
    assert "classes" in labels(editor, '{"version": "2.2", "cl|"}', JSON)
    assert "classes" not in labels(editor, 'version: "2.2"\nprotocols: []\n|')
    assert "protocols" not in labels(editor, 'version: "2.2"\nclasses: {}\n|')


# Diagnostics


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ('version: "2.2"\nprotocols: [{name: "👋🏽 привіт", steps: [{id: a, action: promt}]}]\n', YAML),
        ('{"version": "2.2", "protocols": [{"name": "👋🏽 привіт", "steps": [{"id": "a", "action": "promt"}]}]}', JSON),
    ],
)
def test_a_mistake_is_shown_over_its_value_and_goes_when_it_is_mended(editor, text, uri):
    editor.open(text, uri)
    (found,) = editor.found(uri)
    assert cut(text, found["range"]).strip('"') == "promt"
    assert (found["code"], found["severity"], found["source"]) == ("MV104", 1, "mova")
    assert found["message"] == "unknown action 'promt'\ndid you mean \"prompt\"?"
    editor.change(text.replace('promt"', 'end"').replace("promt}", "end}"), uri)
    assert editor.found(uri) == []
    editor.change(text, uri)
    assert len(editor.found(uri)) == 1
    editor.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
    assert len(editor.found(uri)) == 1
    editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    editor.open("version: '2.2'\n", "file:///other.yaml")
    editor.found("file:///other.yaml")
    assert editor.diagnostics[uri] == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (FRIDGE.replace("hysteresis: 0.5", "histeresis: 0.5"), "histeresis"),
        (FRIDGE.replace("next_step: tell", "next_step: tall"), "tall"),
        (FRIDGE.replace("sensor: fridge.temperature, above: 8, hysteresis: 0.5, for: 2s, ", ""),
         "{id: warm, cooldown: 20s, run: too_warm}"),
        (FRIDGE.replace("        topic: alert/fridge\n", ""), "id"),
        (FRIDGE.replace('version: "2.2"', "version: 2.2"), "2.2"),
        ("version: [\n", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_the_range_covers_the_key_or_the_value_that_is_meant(editor, text, shown):
    editor.open(text, YAML)
    assert cut(text, editor.found(YAML)[0]["range"]) == shown


def test_it_says_what_the_command_says(editor):
    text = FRIDGE.replace("actuator: buzzer, ", "").replace("above: 8", "above: eight").replace("for: 3s", "for: soon")
    editor.open(text, YAML)
    found = [(each["code"], each["range"]["start"]["line"] + 1) for each in editor.found(YAML)]
    assert found == [(each.code, each.line) for each in check(load(text, file="x.yaml"))]


def test_a_file_without_a_suffix_is_what_the_editor_calls_it(editor):
    editor.open('{"version": "2.2", "protocols": [],}', "file:///x", "json")
    assert [each["code"] for each in editor.found("file:///x")] == ["MV005"]
    editor.open("version: '2.2'\n", "untitled:Untitled-1", "yaml")
    assert editor.found("untitled:Untitled-1") == []


# Completion


@pytest.mark.parametrize(
    ("old", "new", "some", "none"),
    [
        ("action: condition", "action: |", ["actuate", "prompt"], ["equals"]),
        ("operator: equals", "operator: |", ["matches_regex"], ["prompt"]),
        ("next_step: tell", "next_step: |", ["beep", "tell", "ask"], ["decide", "too_warm"]),
        ("fallback_step_id: tell", "fallback_step_id: |", ["ask", "done"], []),
        ("next_step_id: beep", "next_step_id: |", ["beep"], ["decide"]),
        ("run: too_warm", "run: |", ["too_warm"], ["warm"]),
        ("sensor: fridge.temperature", "sensor: |", ["fridge.temperature"], ["buzzer"]),
        ("actuator: buzzer", "actuator: b|", ["buzzer"], ["fridge.temperature"]),
        ("class: must_arrive", "class: |", ["best_effort"], []),
        ("concurrency: single", "concurrency: |", ["queued"], []),
        ('version: "2.2"', "version: |", ["2.2", "2.0"], []),
        ("dialect: edge/1", "dialect: |", ["edge/1"], []),
        ("Door, power", "{|, power", ["event.value", "diagnosis.cause"], ["beep"]),
        ("{diagnosis.cause}", "{di|}", ["diagnosis.cause"], []),
        ("variable: diagnosis.urgent", "variable: |", ["diagnosis.urgent", "event.value"], []),
        ("        save: diagnosis\n", "        |\n", ["save", "preset", "next_step"], ["prompt", "next_step_id"]),
        ("hysteresis: 0.5, ", "|, ", ["hysteresis", "window"], ["sensor", "steps"]),
        ("requires: {sensors:", "requires: {|:", ["sensors"], ["actuators"]),
        ("tests:\n", "|\ntests:\n", ["tools", "presets"], ["triggers", "name"]),
        ("- {id: done, action: end}", "- |", ["id", "action"], []),
        ("- {id: done, action: end}", "- id: x\n        action: prompt\n        pr|", ["prompt"], ["protocol"]),
        ("# 2 s and", "# |", [], ["id"]),
        ("The fridge is at", "The |", [], ["id", "beep"]),
    ],
)  # fmt: skip
def test_what_is_allowed_here_is_offered(editor, old, new, some, none):
    assert old in FRIDGE
    offered = labels(editor, FRIDGE.replace(old, new, 1))
    assert set(some) <= set(offered)
    assert not set(none) & set(offered)


@pytest.mark.parametrize(
    ("old", "new", "some"),
    [
        ('"action": "condition"', '"action": "|"', ["prompt", "end"]),
        ('"action": "condition"', '"action": |', ["prompt", "end"]),
        ('"default_next_step_id": "step5"', '"default_next_step_id": "s|"', ["step1", "end"]),
        ('"tool_api_id": "check_availability"', '"tool_api_id": "|"', ["check_availability"]),
        ('"method": "POST",', '"method": "POST", |', ["parameters", "description"]),
        ('"method": "POST",', '"method": "POST", "', ["parameters"]),
        ('"ttl": 1800', '"ttl": 1800, "|', ["user_id", "context"]),
        ("{session.data.user_name}", "{session.data.|}", ["session.data.budget", "session.data.availability"]),
        ('"tone": "friendly"', '"tone": "|"', ["formal"]),
        ('"type": "api_key"', '"type": "|"', ["oauth2"]),
        ('"retry_count": 2,', "|", ["retry_count"]),
    ],
)  # fmt: skip
def test_json_is_completed_too(editor, old, new, some):
    assert old in PIZZA
    new = new if "|" in new else new + "|"
    assert set(some) <= set(labels(editor, PIZZA.replace(old, new, 1), JSON))


def test_what_is_chosen_is_put_in_as_the_format_has_it(editor):
    head = 'version: "2.2"\ndialect: edge/1\nname: "👋🏽"\n'
    steps = 'protocols:\n  - name: a b\n    steps:\n      - {id: "é😀", action: e|}\n'
    assert completed(editor, head + steps, "end").endswith('{id: "é😀", action: end}\n')
    assert completed(editor, head + "triggers: [{id: é, start: tr|}]", "true").endswith("[{id: é, start: true}]")
    assert completed(editor, head + steps.replace("e|", "call, pro|"), "protocol").endswith(
        "action: call, protocol: }\n"
    )
    assert completed(editor, head + steps.replace("e|", "call, protocol: |"), "a b").endswith("protocol: a b}\n")
    assert completed(editor, "version: |", "2.2") == 'version: "2.2"'
    assert completed(editor, 'version: "|"', "2.1") == 'version: "2.1"'
    assert completed(editor, "ver|", "version") == "version: "
    assert completed(editor, "ve|r: 1", "version") == "version: 1"
    text = '{"name": "😀", "version": "2.2", "protocols": [{"name": "x", "steps": [{"id": "a", |'
    assert completed(editor, text, "action", JSON).endswith('{"id": "a", "action": ')
    assert completed(editor, text.replace("|", '"act|'), "action", JSON).endswith('{"id": "a", "action": ')
    assert completed(editor, text.replace("|", '"act|": "end"'), "action", JSON).endswith('"action": "end"')
    assert completed(editor, text.replace("|", '"action": |'), "end", JSON).endswith('"action": "end"')
    assert completed(editor, text.replace("|", '"action": "e|"'), "end", JSON).endswith('"action": "end"')
    prompt = head + steps.replace("e|", 'prompt, prompt: "at {ev|"')
    assert completed(editor, prompt, "event.value").endswith('prompt: "at {event.value}"}\n')
    assert completed(editor, prompt.replace("|", "|}"), "event.value").endswith('prompt: "at {event.value}"}\n')


def test_a_way_to_authenticate_brings_its_credentials(editor):
    head = 'version: "2.2"\ntools: [{id: a, name: A, endpoint: "https://a.example", authentication: '
    assert "basic" in labels(editor, head + "{type: |}}]\n")
    found = labels(editor, head + "{type: basic, |}}]\n")
    assert {"username", "password"} <= set(found)
    assert "token" not in found


def test_a_key_says_what_it_means_and_whether_it_is_needed(editor):
    _, found = at(editor, "completion", FRIDGE.replace("{id: done, action: end}", "{id: done, |}"))
    (item,) = [each for each in found["items"] if each["label"] == "action"]
    assert item["detail"] == "an action, required"
    assert "which other keys it has" in item["documentation"]["value"]


# Hover


@pytest.mark.parametrize(
    ("old", "new", "says", "over"),
    [
        ("cooldown: 20s", "cool|down: 20s", "How long it stays quiet after it has fired.", "cooldown"),
        ("cooldown: 20s", "cooldown: 20|s", "20 s", "20s"),
        ("next_step: tell", "next_step: t|ell", "publish: alert/fridge", "tell"),
        ("run: too_warm", "run: too_war|m", "`decide`", "too_warm"),
        ("action: condition", "action: c|ondition", "Decides where to go.", "condition"),
        ("operator: equals", "operator: equa|ls", "Is the same value.", "equals"),
        ("variable: diagnosis.urgent", "variable: diag|nosis.urgent", "reads `diagnosis.urgent`", "diagnosis.urgent"),
        ("variable: diagnosis.urgent", "variable: diag|nosis.urgent +", "not an expression", "diagnosis.urgent +"),
        ("budget_ms: 30000", "budget|_ms: 30000", "milliseconds", "budget_ms"),
    ],
)
def test_what_the_mouse_is_on_is_explained(editor, old, new, says, over):
    text, found = at(editor, "hover", FRIDGE.replace(old, new, 1))
    assert says in found["contents"]["value"]
    assert cut(text, found["range"]) == over


def test_tools_presets_and_intents_are_explained_and_text_is_not(editor):
    text, found = at(editor, "hover", PIZZA.replace('"tool_api_id": "check', '"tool_api_id": "che|ck'), JSON)
    assert "POST `https://api.pizzashop.com/check`" in found["contents"]["value"]
    assert cut(text, found["range"]) == '"check_availability"'
    assert (
        "“buy pizza”"
        in at(editor, "hover", PIZZA.replace('"order_pizza"', '"orde|r_pizza"'), JSON)[1]["contents"]["value"]
    )
    shown = at(editor, "hover", PRESETS.replace('"preset": "creative"', '"preset": "crea|tive"'), JSON)[1]
    assert "model openai/gpt-4, temperature 0.9" in shown["contents"]["value"]
    assert at(editor, "hover", FRIDGE.replace("The fridge", "The fri|dge"))[1] is None
    assert at(editor, "hover", FRIDGE + "\n|\n")[1] is None


# Names


@pytest.mark.parametrize(
    ("text", "uri", "count"),
    [
        (FRIDGE.replace("run: too_warm", "run: too_wa|rm"), YAML, 3),
        (FRIDGE.replace("fallback_step_id: tell", "fallback_step_id: te|ll"), YAML, 3),
        (PIZZA.replace('"default_next_step_id": "step5"', '"default_next_step_id": "st|ep5"'), JSON, 3),
        (PIZZA.replace('"tool_api_id": "check', '"tool_api_id": "che|ck'), JSON, 2),
        (PRESETS.replace('["crm.up', '["crm|.up'), JSON, 2),
        (PRESETS.replace('"preset": "a', '"preset": "|a', 1), JSON, 13),
        ('version: "2.2"\nname: "👋🏽"\ntools: [{id: é😀, name: a, endpoint: b}]\nprotocols: [{name: x, steps: '
         "[{id: 👋🏽, action: tool_api, tool_api_id: é|😀}]}]\n", YAML, 2),
        ("version: [\n" + FRIDGE.replace("run: too_warm", "run: too_wa|rm"), YAML, 3),
        (FRIDGE.replace("for: 3s", "for: [").replace("run: too_warm", "run: too_wa|rm"), YAML, 3),
    ],
)  # fmt: skip
def test_a_name_leads_to_where_it_is_given_and_used(editor, text, uri, count):
    plain, (*definition,) = at(editor, "definition", text, uri)
    _, places = at(editor, "references", text, uri, context={"includeDeclaration": True})
    _, uses = at(editor, "references", text, uri, context={"includeDeclaration": False})
    assert len(places) == count
    assert len({cut(plain, each["range"]) for each in places}) == 1
    assert [each for each in places if each not in uses] == definition
    assert len(definition) == 1


def test_a_name_is_changed_in_all_places_and_nowhere_else(editor):
    text, edit = at(editor, "rename", FRIDGE.replace("run: too_warm", "run: too_wa|rm"), newName="over_heated")
    spans = [each["range"] for each in edit["changes"][YAML]]
    assert [cut(text, each) for each in spans] == ["too_warm"] * 3
    text, span = at(editor, "prepareRename", FRIDGE.replace("run: too_warm", "run: too_wa|rm"))
    assert cut(text, span) == "too_warm"
    assert at(editor, "prepareRename", FRIDGE.replace("above: 8", "above: |8"))[1] is None
    for name in ("beep", "", "a\tb"):
        with pytest.raises(RequestError, match=r"already|cannot be a name"):
            at(editor, "rename", FRIDGE.replace("next_step: tell", "next_step: tel|l"), newName=name)
    with pytest.raises(RequestError, match="mend it"):
        at(editor, "rename", FRIDGE.replace("next_step: tell", "next_step: tel|l") + "x: [", newName="x")


# The whole document


def test_the_outline_has_the_parts_and_their_steps(editor):
    editor.open(PIZZA, JSON)
    found = editor.ask("documentSymbol", uri=JSON)
    assert [each["name"] for each in found] == [
        "order_pizza", "pizza_order", "check_availability", "12345", "user123", "pizza_service",
    ]  # fmt: skip
    steps = found[1]["children"]
    assert [each["name"] for each in steps] == ["step1", "step2", "step3", "step4", "step5", "end"]
    for each in [*found, *steps]:
        assert each["name"] in cut(PIZZA, each["selectionRange"])
        assert cut(PIZZA, each["selectionRange"]) in cut(PIZZA, each["range"])
    editor.open(FRIDGE, YAML)
    assert [each["name"] for each in editor.ask("documentSymbol", uri=YAML)][:2] == ["warm", "too_warm"]
    editor.open(FRIDGE.replace("for: 3s", "for: ["), YAML)
    assert [each["name"] for each in editor.ask("documentSymbol", uri=YAML)][:2] == ["warm", "too_warm"]


def test_formatting_is_that_of_fmt(editor):
    options = {"options": {"tabSize": 2, "insertSpaces": True}}
    editor.open(FRIDGE, YAML)
    assert editor.ask("formatting", uri=YAML, **options) == []
    loose = FRIDGE.replace("above: 8, ", "above:    8,\n    ").replace(
        "dialect: edge/1\nname: fridge_watch\n", "name: fridge_watch\ndialect: edge/1\n"
    )
    editor.open(loose, YAML)
    (edit,) = editor.ask("formatting", uri=YAML, **options)
    assert edit["newText"] == FRIDGE
    assert cut(loose + "\n", edit["range"]) == loose
    editor.open(loose + "x: [", YAML)
    assert editor.ask("formatting", uri=YAML, **options) is None


# The session


def test_the_end_is_0_when_it_was_asked_for_and_1_when_not():
    with Editor() as editor:
        assert editor.close() == (0, "")
    with Editor() as editor:
        assert editor.close(politely=False) == (1, "")
    with Editor() as editor:
        assert editor.process.stdin is not None
        editor.process.stdin.close()
        assert editor.process.wait(30) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-32"])
def test_a_client_may_count_otherwise(encoding):
    text = 'version: "2.2"\nprotocols: [{name: "👋🏽é", steps: [{id: a, action: promt}]}]\n'
    with Editor(encoding, "utf-16") as editor:
        assert editor.capabilities["positionEncoding"] == encoding
        editor.open(text, YAML)
        (found,) = editor.found(YAML)
        line = text.split("\n")[1]
        code = {"utf-8": "utf-8", "utf-32": "utf-32-le"}[encoding]
        width = {"utf-8": 1, "utf-32": 4}[encoding]
        start, end = (found["range"][side]["character"] * width for side in ("start", "end"))
        assert line.encode(code)[start:end].decode(code) == "promt"
        assert editor.close()[0] == 0


def test_what_makes_no_sense_is_answered_and_the_session_goes_on():
    with Editor() as editor:
        for method, uri in (("hover", "file:///nowhere.yaml"), ("fly", YAML)):
            with pytest.raises(RequestError):
                editor.ask(method, uri=uri)
        editor.send(
            {"id": "odd", "method": "textDocument/hover", "params": {"textDocument": {"uri": 3}, "position": ""}}
        )
        editor.raw(b"Content-Length: 3\r\n\r\n{,}")
        editor.notify("textDocument/fly", {})
        editor.open(FRIDGE, YAML)
        assert editor.found(YAML) == []
        assert editor.ask("hover", 99999, 99999, YAML) is None
        assert editor.close()[0] == 0


_PIECES = [
    "{", "}", "[", "]", ":", ": ", ",", '"', "'", "\n", "  ", "- ", "#", "|", ">", "&a ", "*a", "<<: ", "\t", "\r\n",
    "é", "👋🏽", "steps:", "id: ", "action: ", "prompt", "next_step: ", "{event.", "classes:\n", "dialect: edge/1\n",
    "\\",
]  # fmt: skip
_REQUESTS = (
    "completion",
    "hover",
    "definition",
    "references",
    "prepareRename",
    "documentSymbol",
    "rename",
    "formatting",
)
_MORE = {
    "references": {"context": {"includeDeclaration": True}},
    "rename": {"newName": "other"},
    "formatting": {"options": {"tabSize": 2, "insertSpaces": True}},
}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.sampled_from([FRIDGE, PIZZA, ""]), st.integers(0, 2**32))
def test_no_sequence_of_edits_stops_it(editor, text, seed):
    dice = random.Random(seed)
    uri = JSON if text.startswith("{") else YAML
    editor.open(text, uri)
    for _ in range(15):
        start = dice.randint(0, len(text))
        end = min(len(text), start + dice.choice([0, 0, 1, 3, 40]))
        text = text[:start] + "".join(dice.choices(_PIECES, k=dice.randint(0, 3))) + text[end:]
        editor.change(text, uri)
        line = dice.randint(0, text.count("\n") + 1)
        for method in _REQUESTS:
            try:
                editor.ask(method, line, dice.randint(0, 60), uri, **_MORE.get(method, {}))
            except RequestError as error:
                assert method == "rename"
                assert "Internal Error" not in str(error)
                assert json.dumps(str(error))
