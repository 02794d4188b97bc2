# SPDX-License-Identifier: GPL-3.0-or-later
"""A document that is edited: what is said of it, and who gets it again."""

from pathlib import Path
from typing import Any

import pytest

from ganglion.cli.live import Live as Edited
from ganglion.cli.script_file import compiled
from ganglion.errors import InvalidError, RefusedError, UnreachableError
from ganglion.mova.plan import Plan
from support.edited import plan, text


class Somewhere:
    """What runs scripts, and is away at times."""

    def __init__(self) -> None:
        self.runs: dict[str, str] = {}
        self.error: Exception | None = None
        self.puts = 0

    def put(self, made: Plan, seconds: int | None = None) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        self.puts += 1
        replaced = made.name in self.runs
        self.runs[made.name] = made.hash
        return {"name": made.name, "hash": made.hash, "replaced": replaced}

    def live(self, name: str, seconds: int) -> bool:
        if self.error is not None:
            raise self.error
        return bool(self.runs.pop(name, "")) if not seconds else name in self.runs

    def listing(self) -> dict[str, Any]:
        return {"scripts": [{"name": name, "hash": each} for name, each in self.runs.items()]}

    def remove(self, name: str) -> dict[str, Any]:
        self.runs.pop(name)
        return {"name": name}

    def log(self, after: int) -> tuple[list[str], int]:
        return [], 0


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch) -> tuple[Somewhere, Edited, list[str]]:
    monkeypatch.setattr("ganglion.cli.live._LOOK", 0.0)
    there, said = Somewhere(), list[str]()
    return there, Edited(there, "barn", Path("x.yaml"), lambda _, words: said.append(words), seconds=20), said


def test_a_document_that_is_wrong_is_said_with_its_place_and_the_one_before_goes_on(
    edited: tuple[Somewhere, Edited, list[str]],
) -> None:
    there, live, said = edited
    live.save(text("one").encode())
    live.save(text("two").replace("action: log", "action: lo").encode())
    failing = text("two") + "tests: [{name: it acts, feed: {}, expect: [{ran: none}]}]\n"
    live.save(failing.encode())
    live.look()
    assert there.puts == 1
    assert said[0].startswith("live on barn after 0.")
    assert "not live: x.yaml:" in said[1]
    assert "'lo'" in said[1]
    assert said[1].endswith("; the one before goes on")


def test_who_has_forgotten_it_gets_the_last_good_one_again(edited: tuple[Somewhere, Edited, list[str]]) -> None:
    there, live, said = edited
    live.save(text("one").encode())
    live.save(b"what is this")
    there.runs.clear()
    live.look()
    assert there.runs == {"trial": plan("one").hash}
    assert len(said) == 3


def test_who_is_away_gets_the_newest_when_it_is_back(edited: tuple[Somewhere, Edited, list[str]]) -> None:
    there, live, said = edited
    there.error = UnreachableError("barn does not answer")
    live.save(text("one").encode())
    live.look()
    live.save(text("two").encode())
    there.error = None
    live.look()
    live.look()
    assert there.runs == {"trial": plan("two").hash}
    assert there.puts == 1
    assert said[0] == "not live: barn does not answer: it is tried again"
    assert len(said) == 2


def test_what_is_refused_is_not_tried_again_and_a_new_name_ends_the_one_before(
    edited: tuple[Somewhere, Edited, list[str]],
) -> None:
    there, live, said = edited
    live.save(text("one").encode())
    there.error = RefusedError("no such sensor")
    live.save(text("two").encode())
    there.error = None
    live.look()
    assert there.runs == {"trial": plan("one").hash}
    live.save(text("three", "other").encode())
    assert list(there.runs) == ["other"]
    live.end()
    assert there.runs == {}
    assert said[1] == "not live: no such sensor; the one before goes on"
    assert said[3] == "trial of this file runs no more on barn"


def test_a_test_that_fails_is_named_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text("one") + "tests:\n  - name: it acts\n    feed: {}\n    expect: [{ran: main}]\n")
    with pytest.raises(InvalidError, match=r"x\.yaml:\d+:5: the test 'it acts' fails: ran main"):
        compiled(file)
