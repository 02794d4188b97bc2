# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents of policies and what is explained of them: lines and columns, dates, and why a rule does not apply."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.cli import policy_document
from ganglion.cli.main import main
from ganglion.errors import InvalidError, NotFoundError
from ganglion.mesh.explanation import explain
from ganglion.mesh.policy import DEFAULT, MEMBERSHIP, Party, Policy, Rule, read
from support.policies import parties, rules

A, B = "a" * 26, "b" * 25 + "a"
NODE = Party(node_id=B, roles=("node",), tags=("kitchen",))
GATEWAY = Party(node_id=A, roles=("gateway",))

TEXT = """\
rules:
  - name: one
    who: role:node
    may: call
    what: x
  - name: two
    who:
      - tag:a
      - "*"
    may: [call]
    what: y*
    params:
      level: [1, 2]
    until: 2099-12-31T18:00:00+02:00
"""


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("role:node", "role:king"), r":3:10: 'role:king' is none: role:gateway"),
        (('"*"', "3"), r":9:9: a word of 1 to 128"),
        (("may: call", "may: shout"), r":4:10: 'shout' is none"),
        (("what: x", "when: x"), r":2:5: unknown key 'when'"),
        (("    what: y*\n", ""), r":6:5: must be there"),
        (("[1, 2]", "{a: 1}"), r":13:14: a number, text"),
        (("2099-12-31T18:00:00+02:00", "tomorrow"), r":14:12: 'tomorrow' is no time"),
        (("+02:00", ""), r":14:12: '2099-12-31T18:00:00' is no time"),
        (("name: two", "name: one"), r":6:5: two rules are called 'one'"),
        (("rules:", "rules: ]"), r":1:8: not YAML"),
        (("rules:", "rule:"), r":1:1: a policy is a map with a list of `rules`"),
        (("rules:", "mesh: x\nrules:"), r":1:1: unknown key 'mesh'"),
        (("rules:", "version: -1\nrules:"), r":1:10: the version is a whole number"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    file = tmp_path / "policy.yaml"
    assert change[0] in TEXT
    file.write_text(TEXT.replace(*change))
    with pytest.raises(InvalidError) as caught:
        policy_document.read(file)
    assert re.search(says, str(caught.value)), str(caught.value)
    assert str(caught.value).startswith(str(file))


@pytest.mark.parametrize("text", ["[]", "", "3", "\x00", "{", "rules"])
def test_what_is_no_map_is_no_policy(tmp_path: Path, text: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    with pytest.raises(InvalidError, match=r"policy\.yaml:1:"):
        policy_document.read(file)
    with pytest.raises(NotFoundError):
        policy_document.read(tmp_path / "none.yaml")


def test_a_document_is_read_in_both_spellings_and_says_whether_it_has_a_version(tmp_path: Path) -> None:
    yaml, shown = tmp_path / "policy.yaml", tmp_path / "policy.json"
    yaml.write_text(TEXT)
    made, has_version = policy_document.read(yaml)
    assert (len(made.rules), has_version) == (2, False)
    assert made.rules[1].until == 4_102_416_000 * 10**9
    shown.write_text(json.dumps(Policy(7, made.rules).document))
    assert policy_document.read(shown) == (Policy(7, made.rules), True)


@given(st.lists(rules, max_size=4, unique_by=lambda rule: rule.name), st.integers(0, 2**32 - 1))
def test_what_is_shown_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, made: list[Rule], version: int
) -> None:
    file = tmp_path_factory.mktemp("policy") / "policy.yaml"
    policy = Policy(version, made)
    file.write_text(policy_document.written(policy))
    assert policy_document.read(file) == (policy, True)


@given(st.lists(rules, max_size=5, unique_by=lambda rule: rule.name), parties, parties, st.sampled_from(["a", "ab"]))
def test_an_explanation_is_what_was_decided(made: list[Rule], by: Party, at: Party, what: str) -> None:
    policy = Policy(1, made)
    told = explain(policy, "call", what, by=by, at=at, now=1, params={})
    assert told.decision == policy.judge("call", what, by=by, at=at, now=1)
    applying = [rule for rule, why in zip(policy.rules, told.why, strict=True) if not why]
    assert told.decision.allowed is (bool(applying) and not any(rule.deny for rule in applying))
    if told.position is not None:
        assert policy.rules[told.position - 1].name == told.decision.rule


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, ""),
        (
            {"who": ["tag:attic", "role:gateway"]},
            f"it is about tag:attic or role:gateway, and who asks is node:{B}, role:node",
        ),
        ({"may": "say", "params": {}}, "it is about say, not call"),
        ({"what": "y"}, "it is about y, not x"),
        ({"at": "role:node"}, f"it holds at role:node, and who judges is node:{A}, role:gateway"),
        ({"until": 10**18}, "it has ended on 2001-09-09 01:46 UTC"),
        ({"params": {"a": [1, "b"]}}, 'it needs the parameters a=1 or "b"'),
    ],
    ids=str,
)
def test_why_a_rule_does_not_apply(change: dict[str, Any], why: str) -> None:
    rule = {"name": "r", "who": "*", "may": "call", "what": "x", "params": {"a": 2}, **change}
    policy = read({"rules": [rule]})
    told = explain(policy, "call", "x", by=NODE, at=GATEWAY, now=2 * 10**18, params={"a": 2})
    assert told.why[0].startswith(why)
    assert bool(told.why[0]) is bool(why)


def test_how_a_member_stays_one_is_explained_though_no_rule_says_it() -> None:
    told = explain(Policy(1, ()), "call", min(MEMBERSHIP), by=NODE, at=GATEWAY, now=1, params={})
    assert (told.decision.allowed, told.position) == (True, None)


# The command, on a document


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["mesh", *words])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_document_is_explained_without_a_gateway(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(TEXT)
    said = ("--file", str(file))
    code, out, _ = ask(capsys, "explain", "tag:b", "call", "yes", "--param", "level=2", *said, "--json")
    told = json.loads(out)
    assert (code, told["allowed"], told["rule"], told["position"], told["held"]) == (0, True, "two", 2, None)
    assert told["text"]["params"] == {"level": [1, 2]}
    assert told["subject"] == ["*", "role:node", "tag:b"]
    assert [one["applies"] for one in told["rules"]] == [False, True]
    code, out, _ = ask(capsys, "explain", "role:gateway", "call", "x", *said)
    assert code == 1
    assert out.startswith("denied: no rule lets it call x\nrule  name  why\n1     one   it is about role:node")
    for words, says in (
        (("fridge", "call", "x"), "nobody is asked who that is"),
        (("role:king", "call", "x"), "'role:king' is nobody"),
        (("*", "shout", "x"), "there is no verb 'shout'"),
        (("*", "call", "x", "--param", "a"), "write KEY=VALUE"),
    ):
        code, _, err = ask(capsys, "explain", *words, *said)
        assert code == 2, words
        assert says in err


def test_a_document_is_checked_without_a_gateway(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(policy_document.written(DEFAULT))
    code, out, _ = ask(capsys, "policy", "check", str(file), "--json")
    assert (code, json.loads(out)) == (0, {"valid": True, "rules": 3, "deny": 0})
    file.write_text("rules: 3")
    code, out, err = ask(capsys, "policy", "check", str(file), "--json")
    assert code == 1
    assert json.loads(out)["exit_code"] == 1
    assert "policy.yaml:1:1: a policy is a map" in err
    assert ask(capsys, "policy", "check", str(tmp_path / "none"))[0] == 3
