# SPDX-License-Identifier: GPL-3.0-or-later
"""The dashboard's languages: every sentence of its code is in the catalogue, and nothing else is."""

import ast
import re
from pathlib import Path

import polib
import pytest

from ganglion_gateway import dashboard, languages, verdict
from ganglion_gateway.dashboard import text, words
from ganglion_gateway.dashboard.page import NOWHERE, PAGES

CODE = Path(dashboard.__file__).parent
#: Calls whose first text a person reads, by name, and where it stands in them.
READ = {"label": 0, "button": 0, "card": 0, "dialog": 0, "tagged": 1, "notify": 0, "confirmed": 1}
#: What is the same in every language.
NAMES = {"", "Ganglion", "☰"}


def calls() -> list[tuple[Path, str, ast.Call]]:
    found = []
    for path in [*sorted(CODE.rglob("*.py")), Path(verdict.__file__)]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = node.func
                name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
                found.append((path, name.lstrip("_"), node))
    return found


def sentences() -> set[str]:
    said = {page.title for page in (*PAGES, NOWHERE)} | {unit for _, unit in text.SPANS} | {"s"}
    said |= {page.missing for page in PAGES} - {""} | set(plurals())
    for _path, name, call in calls():
        if name == "say":
            for node in ast.walk(call.args[0]):  # one of two, where it depends
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    said.add(node.value)
    return said


def plurals() -> dict[str, str]:
    """What is said of so many: the sentence of one, and that of any other number."""
    found: dict[str, str] = {}
    for path, name, call in calls():
        if name == "many":
            one, more = (each.value for each in call.args[:2] if isinstance(each, ast.Constant))
            place = f"{path.name}:{call.lineno}"
            assert found.setdefault(str(one), str(more)) == more, place
    return found


@pytest.mark.parametrize("language", sorted(set(languages.LANGUAGES) - {"en"}))
def test_every_sentence_is_translated_and_none_is_left_over(language: str) -> None:
    files = sorted((languages.FOLDER / language).glob("*.po"))
    entries = [entry for file in files for entry in polib.pofile(str(file))]
    translated = {entry.msgid: [entry.msgstr] for entry in entries if entry.translated() and not entry.msgid_plural}
    many = {entry.msgid: entry for entry in entries if entry.translated() and entry.msgid_plural}
    more, said = plurals(), sentences()
    assert {one: entry.msgid_plural for one, entry in many.items()} == more
    translated |= {one: [*entry.msgstr_plural.values()] for one, entry in many.items()}
    assert sorted(said - set(translated)) == []
    assert sorted(set(translated) - said) == []
    assert sorted(entry.msgid for entry in entries) == sorted(translated), "twice, or not translated"
    for english, others in translated.items():
        for other in (*others, more.get(english, english)):
            for pattern in (r"\{\w*\}", r"</?\w+>"):
                assert sorted(re.findall(pattern, english)) == sorted(re.findall(pattern, other)), english
    (rule,) = {str(polib.pofile(str(file)).metadata.get("Plural-Forms")) for file in files} - {"None"}
    assert {f"nplurals={len(entry.msgstr_plural)}" for entry in many.values()} == {rule.partition(";")[0]}


@pytest.mark.parametrize(
    ("language", "count", "said"),
    [
        ("en", 1, "adds {count} node"),
        ("en", 0, "adds {count} nodes"),
        ("en", 21, "adds {count} nodes"),
        ("uk", 1, "додає {count} вузол"),
        ("uk", 21, "додає {count} вузол"),
        ("uk", 3, "додає {count} вузли"),
        ("uk", 104, "додає {count} вузли"),
        ("uk", 5, "додає {count} вузлів"),
        ("uk", 11, "додає {count} вузлів"),
        ("uk", 12, "додає {count} вузлів"),
        ("uk", 0, "додає {count} вузлів"),
    ],
)
def test_a_count_has_the_form_of_its_language(language: str, count: int, said: str) -> None:
    assert words.speaking(language).many("adds {count} node", "adds {count} nodes", count) == said


def test_what_people_read_goes_through_the_catalogue() -> None:
    for path, name, call in calls():
        place = READ.get(name)
        if place is not None and len(call.args) > place and isinstance(call.args[place], ast.Constant):
            assert call.args[place].value in NAMES, f"{path.name}:{call.lineno} says {call.args[place].value!r} to all"


@pytest.mark.parametrize(
    ("cookies", "accepted", "language"),
    [
        ({}, "", "en"),
        ({}, "uk-UA,uk;q=0.9,en;q=0.8", "uk"),
        ({}, "de, en;q=0.7, uk;q=0.9", "uk"),
        ({}, "de;q=zz,fr", "en"),
        ({}, "uk;q=0", "en"),
        ({words.COOKIE: "en"}, "uk", "en"),
        ({words.COOKIE: "../etc"}, "uk", "uk"),
    ],
)
def test_the_language_is_the_visitors(cookies: dict[str, str], accepted: str, language: str) -> None:
    assert words.chosen(cookies, accepted) == language


def test_no_two_pages_have_one_key_or_path() -> None:
    keys = [page.key for page in PAGES if page.key]
    assert len(set(keys)) == len(keys)
    assert len({page.path for page in PAGES}) == len(PAGES)
