# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion rollout` as people read it: what nodes and operators wrote is shown, and no terminal obeys it."""

from typing import Any

from ganglion.cli import rollout_text
from ganglion.units import SECOND

EVIL = "\x1b[2Jfridge\n\x07"


def document(**fields: Any) -> dict[str, Any]:
    stages = [
        {"number": 1, "percent": 10.0, "soak": 600 * SECOND, "size": 2, "state": "passed", "nodes": {"committed": 2}},
        {"number": 2, "percent": 100.0, "soak": 90 * SECOND, "size": 18, "state": "running", "nodes": {"trial": 18}},
    ]
    known = {"id": "spring", "release": "0123456789abcdef", "name": "door", "selector": "tag=x", "by": "ada", "why": ""}
    known |= {"state": "running", "created": 1, "ended": None, "stage": 2, "stages": stages}
    known["terms"] = {"quorum": 80}
    return known | {"nodes": {"committed": 2, "trial": 18}, "notes": [], "troubled": []} | fields


def plan(**fields: Any) -> dict[str, Any]:
    nodes = [{"node": f"n{i}", "name": f"n{i}", "online": i > 1, "sleeps": i == 0} for i in range(8)]
    stages = [{"number": 1, "percent": 100.0, "soak": 3600 * SECOND, "size": 8, "nodes": nodes}]
    known = {"id": "spring", "release": "0123456789abcdef", "name": "door", "selector": "all", "nodes": 8}
    lists = {
        name: [] for name in ("asleep", "away", "already", "space_unknown", "busy", "skipped", "unknown", "versions")
    }
    return known | {"stages": stages} | lists | fields


def test_a_plan_says_who_comes_when_who_cannot_and_what_to_do_next() -> None:
    text = rollout_text.plan(
        plan(
            asleep=["n0"],
            away=["n1"],
            already=["n2"],
            space_unknown=["n1", "n3"],
            skipped=[{"node": str(i), "name": f"old{i}", "why": "it is too old"} for i in range(30)],
            busy=[{"node": "n2", "name": "n2", "rollout": "winter"}],
            unknown=["no node is called gaet"],
        )
    )
    lines = text.splitlines()
    assert lines[0] == "door (0123456789ab) to 8 nodes: all"
    assert " ".join(lines[2].split()) == "1 100 % 8 1h n0 (asleep), n1 (away), n2, n3, n4, n5 and 2 more"
    assert "1 of them is asleep: it gets it when it wakes, and counts as waiting until then" in lines
    assert "1 of them is not there now: it gets it when it is back, and counts as waiting" in lines
    assert "1 of them has it already: n2" in lines
    assert "2 of them do not say how much could be stored: n1, n3" in lines
    assert "  old0, old1, old2, old3, old4, old5 and 24 more: it is too old" in lines
    assert "  n2: winter" in lines
    assert "no node is called gaet" in lines
    assert "1 of them is in a rollout that has not ended, so this one cannot begin:" in lines
    assert lines[-1].startswith("wait for that")
    assert rollout_text.plan(plan()).endswith("--id spring")
    assert rollout_text.plan(plan(nodes=0, stages=[])).endswith("nobody would get it")


def test_a_watch_says_what_happened_and_how_far_it_is() -> None:
    notes = [{"at": 0, "what": "stage", "detail": "2 of 2 begins with 18 nodes"}]
    happened, far = rollout_text.progress(document(notes=notes))
    assert happened.endswith("stage 2 of 2 begins with 18 nodes")
    assert far == "running  stage 2 of 2 running: 18 trial"
    (end,) = rollout_text.progress(document(state="aborted", why="by ada: smells"))
    assert end == "rollout spring is aborted (by ada: smells): 2 committed, 18 trial"
    whys = [("aborted", "stage 1: 1 node of 2 failed"), ("aborted", "by ada: smells"), ("failed", "n3: crashed")]
    notes = [{"at": 0, "what": what, "detail": detail} for what, detail in whys]
    said = [line.partition("  ")[2] for line in rollout_text.progress(document(notes=notes))[:-1]]
    assert said == ["aborted: stage 1: 1 node of 2 failed", "aborted by ada: smells", "failed: n3: crashed"]
    assert rollout_text.begun(document(stages=[{"size": 1}])).splitlines()[0].endswith("to 1 node")


def test_a_report_says_for_what_a_stage_waits() -> None:
    found = document(terms={"quorum": 80})
    found["stages"][1]["nodes"] = {"committed": 9, "waiting": 8, "gone": 1}
    lines = rollout_text.report(found).splitlines()
    assert lines[5].startswith("stage 2: 9 committed, and it soaks once 14 of 17 have; those that wait are")
    assert "online=yes" in lines[6]
    found["state"] = "paused"
    assert "it soaks once" not in rollout_text.report(found)


def test_a_report_names_the_troubled() -> None:
    troubled = [{"name": "n3", "state": "failed", "why": "crashed"}, {"name": "n4", "state": "gone", "why": ""}]
    text = rollout_text.report(document(troubled=troubled, ended=5, notes=[{"at": 0, "what": "paused", "detail": ""}]))
    assert "  n3: failed: crashed" in text.splitlines()
    assert "  n4: gone" in text.splitlines()
    assert text.endswith("paused")
    assert "there was no rollout yet" in rollout_text.listed([])


def test_a_report_of_one_that_has_ended_says_what_became_of_each_stage() -> None:
    found = document(state="aborted", ended=5)
    found["stages"] = [
        {**stage, "state": state} for stage, state in zip(found["stages"], ("aborted", "not_begun"), strict=True)
    ]
    rows = rollout_text.report(found).splitlines()[3:5]
    assert "aborted" in rows[0]
    assert "not begun" in rows[1]


def test_no_word_of_a_node_reaches_the_terminal_as_it_is() -> None:
    skipped = [{"node": "x", "name": EVIL, "why": EVIL}]
    busy = [{"node": "x", "name": EVIL, "rollout": EVIL}]
    nodes = [{"node": "x", "name": EVIL, "online": True}]
    stages = [{"number": 1, "percent": 1.0, "soak": 0, "size": 1, "nodes": nodes}]
    evil = {"id": EVIL, "name": EVIL, "release": EVIL, "selector": EVIL, "why": EVIL, "by": EVIL}
    evil |= {"notes": [{"at": 0, "what": EVIL, "detail": EVIL}]}
    evil |= {"troubled": [{"name": EVIL, "state": "failed", "why": EVIL}]}
    shown = [
        rollout_text.plan(plan(skipped=skipped, busy=busy, stages=stages, unknown=[EVIL], name=EVIL, id=EVIL)),
        rollout_text.begun(document(**evil)),
        rollout_text.listed([document(**evil)]),
        rollout_text.report(document(**evil)),
        rollout_text.commanded(document(**evil)),
        *rollout_text.progress(document(**evil)),
    ]
    assert not {"\x1b", "\x07"} & set("".join(shown))
