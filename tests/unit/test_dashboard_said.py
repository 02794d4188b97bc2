# SPDX-License-Identifier: GPL-3.0-or-later
"""What pages say of values, counts and states, in both languages."""

from collections import Counter
from typing import Any, cast

import pytest

from ganglion.client.documents import Release
from ganglion.errors import InvalidError
from ganglion_gateway.dashboard import fields, progress, text, words
from ganglion_gateway.dashboard.releases import brought
from ganglion_gateway.dashboard.rollouts.story import translated
from ganglion_gateway.rollout.tally import Tally
from ganglion_gateway.rollout.terms import Share, Stage, Terms

EN, UK = words.speaking("en"), words.speaking("uk")
WHEEL = {"name": "g.whl", "version": "0.2.0", "tags": ["py3-none-any"], "size": 1_800_000, "sha256": "0" * 64}
FILE = {"path": "a.yaml", "size": 200_000, "sha256": "1" * 64}


def release(*files: dict[str, Any], wheels: tuple[dict[str, Any], ...] = ()) -> Release:
    size = sum(each["size"] for each in files)
    return cast(Release, {"files": list(files), "agent": list(wheels), "size": size})


def test_a_release_that_brings_ganglion_alone_has_its_size_and_version() -> None:
    alone = release(wheels=(WHEEL, WHEEL | {"tags": ["cp311"]}))
    assert brought.versions(alone) == "0.2.0"
    assert brought.holds(alone, EN) == "3.6 MB: 2 wheels"
    assert brought.holds(release(FILE, wheels=(WHEEL,)), EN) == "2 MB: 1 file, 1 wheel"
    assert brought.holds(release(FILE, FILE), UK) == "400 kB: 2 файли"
    assert brought.holds(release(), EN) == "0 B: 0 files"
    assert brought.versions(release(FILE)) == ""


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ("by admin: it hangs", "за рішенням admin: it hangs"),
        ("by admin", "за рішенням admin"),
        ("2 of 3 begins with 1 node", "починається 2 з 3: 1 вузол"),
        ("stage 1: 0 of 1 nodes have committed", "етап 1: закріпили 0 з 1 вузла"),
        (
            "stage 1: 3 nodes of 4 failed, and at most 0 may; most often: no sensors",
            "етап 1: схибили 3 вузли з 4, а можна щонайбільше 0; найчастіше: no sensors",
        ),
        (
            "stage 2: 1 node of 1 failed, and 1 have to commit",
            "етап 2: схибив 1 вузол з 1, а закріпити мають 1",
        ),
        ("2 of all 5 nodes failed, and at most 1 may", "схибили 2 з усіх 5 вузлів, а можна щонайбільше 1"),
        ("stage 1: none of its nodes is left", "етап 1: не лишилося жодного з його вузлів"),
        ("the door is stuck", "the door is stuck"),
    ],
)
def test_what_a_rollout_says_is_said_in_the_readers_language(detail: str, said: str) -> None:
    assert translated(detail, UK) == said


def test_why_a_rollout_stopped_is_known_as_its_machine_says_it() -> None:
    stages = (Stage(percent=100, soak=0),)
    strict = Terms(stages=stages, tolerate_stage=Share(0))
    lax = Terms(stages=stages, tolerate_stage=Share(100, percent=True))
    tally = Tally(size=4, bad=3, why=Counter(["no sensors"]))
    for terms in (strict, lax):
        why = tally.excess(terms, "stage 1")
        assert translated(why, EN) == why != translated(why, UK)


def test_who_was_on_the_way_when_a_rollout_ended_does_not_look_well() -> None:
    assert {progress.tone(state) for state in ("staged", "trial", "healthy")} == {"busy"}
    assert {progress.tone(state, is_over=True) for state in ("staged", "trial", "healthy")} == {"warn"}
    assert [progress.tone(state, is_over=True) for state in ("committed", "failed", "pending")] == [
        "good",
        "bad",
        "idle",
    ]


def test_a_long_time_is_read_in_the_readers_units() -> None:
    assert text.reading(57_500, "s", UK) == ("15 год 58 хв", "")
    assert text.reading(57_500, "s") == ("15 h 58 min", "")
    assert text.number(83_360) == "83\N{NARROW NO-BREAK SPACE}360"


def test_parameters_that_are_no_json_are_refused_with_the_place_and_an_example() -> None:
    with pytest.raises(InvalidError, match=r'^The parameters are no JSON: see line 1, letter 4\. JSON is .* \{"name":'):
        fields.parameters(EN, '"a": b')
    with pytest.raises(InvalidError, match="no JSON object: write them as"):
        fields.parameters(EN, "[1]")
    with pytest.raises(InvalidError, match="символ 2"):
        fields.parameters(UK, "{a: 1}")
