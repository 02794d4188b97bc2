# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion_gateway.verdict and told: what is said of a node, and what is believed of what it says."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.mesh.member import Received
from ganglion.units import SECOND
from ganglion_gateway import told, verdict
from ganglion_gateway.facts import Crash
from ganglion_gateway.fleet import Node
from ganglion_gateway.jsonable import jsonable
from ganglion_micro import gl1

NOW = 1_800_000_000 * SECOND
DAY = 86400 * SECOND
WELL = {"up": 90, "total": 1 << 30, "available": 1 << 29, "disk": 1 << 30, "sensors": {}, "scripts": {}}


def node(**changes: Any) -> Node:
    made = Node(
        id="n" * 26, name="fridge", online=True, first_seen=NOW, last_seen=NOW, credential_expires=NOW + 30 * DAY
    )
    made.facts.vitals, made.facts.vitals_at = dict(WELL), NOW
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def codes(of: Node, **options: Any) -> list[str]:
    return [each.code for each in verdict.findings(of, NOW, **options)]


def test_nothing_is_said_of_a_node_that_is_well() -> None:
    assert verdict.findings(node(), NOW) == []
    assert verdict.health(node(), NOW) == "ok"


@pytest.mark.parametrize(
    ("vitals", "code", "health"),
    [
        ({"sensors": {"door": "no /dev/i2c-1"}}, "sensor", "bad"),
        ({"scripts": {"night": "there is no sensor door"}}, "script", "bad"),
        ({"temperature": 84.2}, "temperature", "warning"),
        ({"available": 9 << 20}, "memory", "warning"),
        ({"disk": 1 << 20}, "disk", "warning"),
        ({"signal": -86}, "signal", "warning"),
        ({"spool": 5000}, "spool", "warning"),
        ({"lost": 3}, "lost", "warning"),
    ],
)
def test_what_vitals_show_is_said_with_a_remedy(vitals: dict[str, Any], code: str, health: str) -> None:
    ill = node()
    ill.facts.vitals |= vitals
    (finding,) = verdict.findings(ill, NOW)
    assert (finding.code, finding.level) == (code, health)
    assert finding.remedy
    assert verdict.health(ill, NOW) == health


def test_one_that_is_away_is_explained_by_its_end_and_not_by_what_it_said_before() -> None:
    died = node(online=False, died=NOW - 7200 * SECOND, last_seen=NOW - 7201 * SECOND)
    died.facts.vitals |= {"sensors": {"door": "x"}}
    (finding,) = verdict.findings(died, NOW)
    assert finding.text.startswith("it is away since 2 h, when its connection ended: it was heard last 2 h ago")
    silent = node(online=False, died=NOW, last_seen=NOW - 26 * SECOND)
    assert "when it had said nothing for 25 s" in verdict.findings(silent, NOW)[0].text


def test_a_gateway_that_has_just_begun_does_not_say_of_now_what_it_knew_before() -> None:
    kept = node(online=False, last_seen=NOW - 3600 * SECOND)
    kept.facts.vitals |= {"sensors": {"door": "no /dev/i2c-1"}, "disk": 1 << 20}
    kept.facts.vitals_at, kept.facts.since = NOW - 3600 * SECOND, NOW - 4 * SECOND
    (finding,) = verdict.findings(kept, NOW)
    assert (finding.level, finding.code) == ("away", "unheard")
    assert finding.text.startswith("this gateway began 4 s ago, and has not heard it yet: it was heard last 1 h ago")
    assert verdict.findings(kept, NOW + 25 * SECOND)[0].text.startswith("it is away: it was heard last 1 h ago")
    kept.online = True
    (finding,) = verdict.findings(kept, NOW)
    assert (finding.level, finding.code, verdict.health(kept, NOW)) == ("ok", "vitals", "ok")
    (finding,) = verdict.findings(kept, NOW + 300 * SECOND)
    assert (finding.level, finding.code) == ("warning", "vitals")
    kept.facts.vitals_at = NOW
    assert codes(kept) == ["sensor", "disk"]


def test_one_that_sleeps_is_asleep_for_as_long_as_it_said_and_then_away() -> None:
    sleeper = node(online=False, caps={"sleeps": 3600}, died=NOW - 3000 * SECOND, last_seen=NOW - 3000 * SECOND)
    (finding,) = verdict.findings(sleeper, NOW)
    assert (finding.level, finding.text.partition(":")[0]) == ("asleep", "it sleeps, 1 h at a time at most")
    assert verdict.summary(sleeper, NOW).endswith("is asleep")
    (finding,) = verdict.findings(sleeper, NOW + 3600 * SECOND)
    assert finding.level == "away"
    assert finding.text.startswith("it should have woken, as it sleeps for 1 h at most")
    sleeper.online = True
    assert verdict.health(sleeper, NOW) == "ok"


@pytest.mark.parametrize("said", [True, -1, "1h", 1.5, None, {}])
def test_what_is_no_time_is_no_sleep(said: Any) -> None:
    assert not node(online=False, caps={"sleeps": said}).asleep(NOW)


def test_the_worst_is_said_first() -> None:
    ill = node(credential_expires=NOW - 1, clock="bad", caps={"leaves": {"garden": {"online": False, "since": 1}}})
    ill.facts.failing["night"] = "no such tool"
    ill.facts.crash = Crash(id="1a", at=NOW - 60 * SECOND, kind="oom", text="no memory")
    assert codes(ill, policy=(7, 6)) == ["credential", "clock", "run", "crash", "leaf", "policy"]
    assert verdict.health(node(revoked=NOW - 1, online=False), NOW) == "revoked"
    assert codes(node(), policy=(7, None)) == []


def test_a_crash_is_news_for_a_day() -> None:
    crashed = node()
    crashed.facts.crash = Crash(id="1a", at=NOW - 2 * DAY, kind="error", text="KeyError")
    assert codes(crashed) == []


def test_tags_of_operators_count_beside_those_of_the_credential() -> None:
    tagged = node(tags=["kitchen", "old"])
    tagged.retag(["kitchen", "old"])
    tagged.facts.added, tagged.facts.removed = ["cold"], ["old"]
    tagged.retag()
    assert tagged.tags == ["kitchen", "cold"]
    tagged.retag(["old", "cold"])  # another credential
    assert tagged.tags == ["cold"]


def received(body: Any, kind: int = gl1.EVENT) -> Received:
    return Received(kind, "n" * 26, None, body, 3, 9, NOW)


def test_records_of_a_log_become_rows_and_what_is_none_does_not() -> None:
    body = {"class": "log", "lost": 4, "records": [[NOW - 5, 30, "a.b", "hot\x00"], "x", [1, 2], [NOW * 2, 99, 1, 2]]}
    rows = told.log_rows(received(body), "id", NOW)
    assert rows is not None
    assert [(row["part"], row["at"], row["level"], row["text"], row["lost"]) for row in rows] == [
        (0, NOW - 5, 30, "hot", 4),
        (3, NOW, 50, "", 0),
    ]
    assert told.log_rows(received({"class": "log", "value": 1}), "id", NOW) is None


def test_a_crash_of_a_leaf_has_the_last_line_of_its_trace() -> None:
    value = {"boot": 4, "seconds": 2, "row": 1, "error": 'Traceback\n  File "x"\nValueError: 7'}
    body = {"class": "crash", "value": value, "leaf": "garden", "vouched": True, "timestamp": NOW - 9}
    row = told.crash_row(received(body), "id", NOW)
    assert (row["leaf"], row["text"], row["id"], row["at"]) == ("garden", "ValueError: 7", "3-9", NOW - 9)
    assert row["record"] == value


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(_PLAIN, _PLAIN)
def test_whatever_a_node_says_of_itself_is_taken_or_left(first: Any, second: Any) -> None:
    body = {"class": "log", "records": [first, [first, 30, second, second]], "lost": second, "value": first}
    for row in told.log_rows(received(body), "id", NOW) or ():
        assert 0 < row["at"] <= NOW
    row = told.crash_row(received({**body, "leaf": second, "vouched": True, "timestamp": first}), "id", NOW)
    assert 0 < row["at"] <= NOW
    assert jsonable(row["record"]) == row["record"]
    readings = [["system/vitals", 1, first], ["system/vitals/a", 1, {"up": second}], first]
    ill = node()
    for leaf, said in told.vitals_of(received(readings, gl1.BATCH)):
        if leaf:
            ill.facts.leaves[leaf] = said
        else:
            ill.facts.vitals = said
    verdict.findings(ill, NOW)
    verdict.summary(ill, NOW)
