# SPDX-License-Identifier: GPL-3.0-or-later
"""Every sentence of a diagnostic is marked, has its Ukrainian, and is shown in it where that is asked for."""

import ast
import json
import os
import re
import runpy
import string
import subprocess
import sys
from functools import cache
from pathlib import Path

import polib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion import words
from ganglion.cli.language import of_locale
from ganglion.cli.main import main
from ganglion.mova.diagnostic import Diagnostic, Severity
from ganglion.mova.shape import ListOf, ListOrMap, MapOf, Object, OneOrMany
from ganglion.mova.vocabulary import DOCUMENTS
from ganglion.words import _, ngettext, speaking
from support.mova import edge, found

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "runtime" / "ganglion"
CATALOGUE = polib.pofile(str(PACKAGE / "locale" / "uk.po"))
#: What takes the message or hint of a diagnostic.
SINKS = {
    "add",
    "_refuse",
    "wrong",
    "_BrokenError",
    "PatternError",
    "ExpressionSyntaxError",
    "WrongNumberError",
}
BROKEN = runpy.run_path(str(Path(__file__).with_name("test_mova_check.py")))["BROKEN"]


@cache
def modules() -> dict[Path, ast.Module]:
    """The package, parsed: when a test asks, and not by each process that collects tests."""
    return {path: ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


def name_of(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def marked() -> dict[str, str]:
    """Sentence -> where it stands. The names of `Object` are sentences: messages are made of them.

    Those of `ganglion.sentences` are told by a gateway, in the language of who asks it.
    """
    sentences = {}
    for path, tree in modules().items():
        told = path.name == "sentences.py" or "from ganglion.sentences import" in path.read_text()
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            count = {"_": 1, "ngettext": 2, "Object": 1, "say": int(told)}.get(name_of(call), 0)
            for each in call.args[:count]:
                if isinstance(each, ast.Constant):
                    sentences[each.value] = f"{path.relative_to(ROOT)}:{each.lineno}"
                    if name_of(call) == "say":
                        given = {f"{{{each.arg}!" for each in call.keywords}
                        assert {one.partition("!")[0] + "!" for one in placeholders(each.value)} == given, path
                else:
                    assert isinstance(each, ast.Name | ast.Attribute), (
                        f"{path}:{each.lineno}: mark the sentence as it stands; `format` puts values in afterwards"
                    )
    return sentences


def placeholders(sentence: str) -> list[str]:
    parts = string.Formatter().parse(sentence)
    return sorted(f"{{{name}!{conversion}:{spec}}}" for _text, name, spec, conversion in parts if name is not None)


def test_every_sentence_has_its_ukrainian_and_there_is_no_other() -> None:
    sentences = marked()
    known = {entry.msgid for entry in CATALOGUE} | {entry.msgid_plural for entry in CATALOGUE if entry.msgid_plural}
    missing = [f"{where}: locale/uk.po has no translation of {each!r}" for each, where in sentences.items()]
    assert [line for each, line in zip(sentences, missing, strict=True) if each not in known] == []
    # The sentences of libyaml are in no source of ours.
    own = {entry.msgid for entry in CATALOGUE if entry.comment != "libyaml"}
    assert [f"locale/uk.po: nothing says {each!r} any more" for each in own - sentences.keys()] == []


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.msgid)
def test_a_translation_has_the_placeholders_of_its_sentence(entry: polib.POEntry) -> None:
    assert not entry.obsolete
    assert not entry.fuzzy
    said = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
    assert len(said) == (3 if entry.msgid_plural else 1)
    for each in said:
        assert re.search("[а-яіїєґ]", each)
        assert entry.comment == "libyaml" or placeholders(each) == placeholders(entry.msgid)


def test_no_sentence_of_a_diagnostic_goes_round_the_translation() -> None:
    bare = []
    for path, tree in modules().items():
        if path.parent.name != "mova" and path.name != "pattern.py":
            continue
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call) and name_of(node) in SINKS):
            waiting: list[ast.AST] = [*call.args, *call.keywords]
            while waiting:
                node = waiting.pop()
                if isinstance(node, ast.Call) and name_of(node) in ("_", "ngettext", "join"):
                    continue
                if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and " " in str(node.value)):
                    bare.append(f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}: mark it with _")
                waiting += ast.iter_child_nodes(node)
    assert bare == []


def test_nothing_else_is_called_as_the_mark_is() -> None:
    """`for _ in …` would make `_` a local name, and the sentences of that function fail."""
    for path, tree in modules().items():
        if re.search(r"^from ganglion\.words import .*\b_\b", path.read_text(), re.MULTILINE):
            taken = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "_"
                     and isinstance(node.ctx, ast.Store)]  # fmt: skip
            assert taken == [], f"{path.relative_to(ROOT)}: give the name that is not used another one than _"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogue as the build makes it, of the source as it is now."""
    folder = tmp_path_factory.mktemp("locale")
    CATALOGUE.save_as_mofile(str(folder / "uk.mo"))
    return folder


@pytest.fixture
def catalogue(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "FOLDER", folder)


def in_ukrainian(findings: list[Diagnostic]) -> None:
    for each in findings:
        assert re.search("[а-яіїєґ]", each.message), each
        assert not each.hint or re.search("[а-яіїєґ]", each.hint), each


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize("code", BROKEN)
def test_each_code_is_said_in_ukrainian(code: str) -> None:
    with speaking("uk"):
        findings = found(BROKEN[code], "x.json" if code == "MV005" else "x.yaml")
    assert [each.code for each in findings] == [code]
    in_ukrainian(findings)


TRIGGERS = ("", "above: 8", "sensor: a, above: 8, below: 3", "sensor: a, hysteresis: 1", "every: 5m, above: 8")
TRIGGERS += ("sensor: a, above: 8, field: x", "sensor: a, between: [3, 1]", "event: a/+b", "mqtt: a, field: b/c")
EXPRESSIONS = (
    "1 +",
    "a b",
    "$",
    "(a",
    "a.",
    "f(1)",
    "len()",
    "min()",
    "round(1, 2, 3)",
    "[1 2]",
    "99999999999999999999",
)
EXPRESSIONS += ("(" * 40, "a" * 2001, "a+" * 900 + "a", "in")
PATTERNS = (
    "a" * 501,
    "a)",
    "(" * 30,
    "*",
    "a**",
    "a{9999}",
    "a{99999}",
    "a{3,1}",
    "(?<a)",
    "(a",
    r"\x",
    r"\q",
    r"[\D]",
)
PATTERNS += ("[b-a]", "[a", "(abc){500}")
TEXTS = (
    "{",
    "[1 2]",
    "{1: 2}",
    "{'a' 2}",
    '{"a": "b',
    '{"a": "\n"}',
    r'{"a": "\q"}',
    '{"a": 1, "a": 2}',
    "[] []",
    "/",
    "/*",
)
TEXTS += ("['a", r'["\ud800"]', "[a]", "[1e999]", "[" * 100)
YAMLS = (
    "a: [",
    "a: {b",
    "a: 'b",
    "a: b: c",
    "a:\n\t- b",
    "- a\nb",
    "a: *b",
    "a: &x 1\nb: *y",
    "? [a]\n: b",
    "a: !!int b",
)
YAMLS += (
    "a: 1\na: 2",
    "a\n---\nb",
    "<<: 3",
    "a: .inf",
    "a: %b",
    "a: \x07",
    'a: "\\q"',
    "%YAML 3.0\n---\na",
    "a: 99999999999999999999",
)
STEPS = ("publish, value: 1", "wait", "read, sensor: a, save: event.x", "condition", "condition, conditions: []")
STEPS += (
    "prompt, prompt: a, schema: 3",
    "prompt, prompt: a, schema: {properties: 3, type: object}",
    "read, sensor: b, save: a",
)
TOOLS = (
    "authentication: {type: bearer}",
    "authentication: {tokn: a}",
    "authentication: {type: bear, token: a}",
    "authentication: {type: basic, username: a, password: 3, realm: x}",
    "authentication: {type: api_key, credentials: {key: a, header: 'a b', query: c}, hedder: d}",
    "authentication: {type: api_key, credentials: 3}",
    "name: '{secret.a}'",
)
CONTRACTS = (
    "{request: 3}",
    "{request: {pattern: '('}, x: 1}",
    "{minLength: -1, contains: {}}",
)
STEPS += (
    "prompt, prompt: a, schema: {type: string, pattern: a}",
    "prompt, prompt: a, schema: {type: string, minLength: a}",
)


@pytest.mark.usefixtures("catalogue")
def test_whatever_is_wrong_with_a_text_is_said_in_ukrainian() -> None:
    def condition(value: str) -> str:
        rules = json.dumps([{"variable": "a", "operator": "matches_regex", "value": value}])
        return edge(f"- {{id: x, action: end, conditions: {rules}}}")

    sources = [(edge(head=f"triggers: [{{id: t, run: main, {each}}}]"), "x.yaml") for each in TRIGGERS]
    sources += [
        (edge(f"- {{id: x, action: set, values: {{a: {json.dumps(each)}}}}}"), "x.yaml") for each in EXPRESSIONS
    ]
    sources += [(condition(each), "x.yaml") for each in PATTERNS]
    sources += [(each, "x.json") for each in TEXTS] + [(each, "x.yaml") for each in YAMLS]
    sources += [(edge(f"- {{id: x, action: {each}}}", head="requires: {sensors: [a]}"), "x.yaml") for each in STEPS]
    sources += [(edge(head=f'tools: [{{id: a, endpoint: "http://{{x}}", {each}}}]'), "x.yaml") for each in TOOLS]
    contract = 'version: "2.2"\nclasses: {contract: {name: a, endpoint: "http://x", schema: %s}}'
    sources += [(contract % each, "x.yaml") for each in CONTRACTS]
    for text, file in sources:
        with speaking("uk"):
            findings = found(text, file)
        assert findings, text
        in_ukrainian(findings)


def junk(kind: object, depth: int = 0) -> list[object]:
    """Values that do not fit a kind, at every depth of it."""
    wrong: list[object] = [None, True, -7, "§", "", [], {}, [None], {"a": None}]
    if depth > 9:
        return wrong
    match kind:
        case Object():
            wrong += [{key: each} for key, field in kind.fields.items() for each in junk(field.kind, depth + 1)]
            for case, fields in (kind.cases or {}).items():
                wrong += [
                    {kind.by: case, "id": "x", key: each}
                    for key, field in fields.items()
                    for each in junk(field.kind, depth + 1)
                ]
        case ListOf() | OneOrMany():
            wrong += [[each] for each in junk(kind.item, depth + 1)]
        case MapOf():
            wrong += [{"a": each} for each in junk(kind.value, depth + 1)]
        case ListOrMap():
            wrong += junk(kind.as_list, depth + 1) + junk(kind.as_map, depth + 1)
    return wrong


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize(("form", "dialect"), DOCUMENTS)
def test_every_value_of_the_language_that_does_not_fit_is_said_in_ukrainian(form: str, dialect: bool) -> None:
    head = (
        {"version": "2.2"} | ({"dialect": "edge/1"} if dialect else {}) | ({"classes": {}} if form == "classes" else {})
    )
    with speaking("uk"):
        for each in junk(DOCUMENTS[form, dialect]):
            if isinstance(each, dict):
                in_ukrainian(found(json.dumps(head | each), "x.json"))


@pytest.mark.usefixtures("catalogue")
def test_numbers_and_words_agree() -> None:
    said = ("{name} takes {most} value, not {count}", "{name} takes {most} values, not {count}")
    assert [ngettext(*said, count) for count in (1, 2)] == list(said)
    with speaking("uk"):
        agreed = [re.findall(r"значен\w+", ngettext(*said, count)) for count in (1, 2, 5, 11, 21)]
        assert agreed == [["значення"], ["значення"], ["значень"], ["значень"], ["значення"]]


@pytest.mark.usefixtures("catalogue")
def test_a_language_is_spoken_inside_alone() -> None:
    assert _("error") == "error"
    with speaking("uk"):
        assert _("error") == "помилка"
        with speaking("en"):
            assert _("error") == "error"
        assert _("error") == "помилка"
        with speaking("../uk"):
            assert _("error") == "error"
        assert Severity.HINT.shown() == "підказка"
    assert _("error") == "error"


def test_without_a_catalogue_it_is_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "FOLDER", tmp_path)
    with speaking("uk"):
        assert (_("error"), ngettext("one", "many", 2)) == ("error", "many")


@given(st.data())
def test_a_damaged_catalogue_is_no_crash(folder: Path, data: st.DataObject) -> None:
    whole = bytearray((folder / "uk.mo").read_bytes())
    cut = data.draw(st.integers(0, len(whole)))
    at = data.draw(st.integers(0, 4000))
    whole[at : at + 4] = data.draw(st.binary(min_size=4, max_size=4))
    path = folder / "damaged.mo"
    path.write_bytes(whole[:cut])
    words._load.__wrapped__(path)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.yaml"
    path.write_text('version: "2.2"\nprotocols:\n  - name: a\n    steps:\n      - {id: x, action: promt}\n')
    return path


@pytest.mark.usefixtures("catalogue")
def test_check_speaks_the_language_that_is_asked_for(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mova", "check", str(broken), "--lang", "uk"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{broken}:5:25: помилка MV104 невідоме значення action: 'promt' (може, «prompt»?)",
        "недійсних: 1 з 1",
    ]
    assert main(["mova", "check", str(broken), "--lang", "uk", "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["files"][0]["diagnostics"]
    assert (finding["severity"], finding["hint"]) == ("error", "може, «prompt»?")
    assert finding["message"] == "невідоме значення action: 'promt'"
    assert main(["mova", "check", str(broken)]) == 1
    assert "error MV104 unknown action 'promt'" in capsys.readouterr().out


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize("verb", ["run", "parse", "compile", "test", "graph"])
def test_what_refuses_a_document_says_so_in_the_language(
    verb: str, broken: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "uk_UA.UTF-8")
    assert main(["mova", verb, str(broken)]) == 1
    assert "MV104 невідоме значення action: 'promt' (може, «prompt»?)" in capsys.readouterr().err
    assert main(["mova", verb, str(broken), "--lang", "en"]) == 1
    assert "MV104 unknown action 'promt'" in capsys.readouterr().err


def test_a_terminal_without_the_letters_is_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("version: ї")
    done = subprocess.run(
        [sys.executable, "-m", "ganglion", "mova", "check", path, "--lang", "en"],
        env=os.environ | {"PYTHONIOENCODING": "latin-1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        encoding="latin-1",
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert r"version '\u0457' is not supported" in done.stdout


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "uk_UA.UTF-8"}, "uk"),
        ({"LANG": "uk"}, "uk"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "ukx"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "uk_UA"}, "uk"),
        ({"LANG": "uk_UA.UTF-8", "LC_MESSAGES": "uk_UA.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "uk_UA.UTF-8", "LC_ALL": ""}, "uk"),
    ],
)
def test_the_locale_says_which_language(environment: dict[str, str], language: str) -> None:
    assert of_locale(environment) == language


def test_a_language_without_its_catalogue_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    document = tmp_path / "x.yaml"
    document.write_text('version: "2.2"\nprotocols: []\n')
    assert main(["mova", "check", str(document), "--lang", "uk"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(words, "FOLDER", tmp_path)
    assert main(["mova", "check", str(document), "--lang", "uk"]) == 0
    out, err = capsys.readouterr()
    assert (out, err.startswith("ganglion: --lang uk: its catalogue was not built ")) == ("1 valid\n", True)
    assert main(["doctor", "--json"]) == 0
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert any(each["what"].startswith("--lang uk: its catalogue was not built") for each in problems)
