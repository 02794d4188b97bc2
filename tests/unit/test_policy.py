# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what: default deny, deny before allow, and documents that are none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import InvalidError
from ganglion.mesh.policy import DEFAULT, MAX_RULES, VERBS, Decision, Party, Policy, Rule, read
from support.policies import GATEWAY, NODE, OTHER, B, C, parties, rules


def judge(policy: Policy, verb: str, what: str, by: Party, at: Party, now: int = 1, **params: Any) -> Decision:
    return policy.judge(verb, what, by=by, at=at, now=now, params=params)


def policy(*rules: dict[str, Any]) -> Policy:
    return read({"version": 1, "rules": [{"name": f"r{i}", **rule} for i, rule in enumerate(rules)]})


@pytest.mark.parametrize("verb", VERBS)
def test_without_a_rule_nobody_may_do_anything(verb: str) -> None:
    for by in (GATEWAY, NODE):
        decision = judge(Policy(1, []), verb, "x", by, OTHER)
        assert decision == Decision(
            allowed=False, rule=None, reason="the policy was deleted, and what none allows is refused"
        )


def test_what_holds_by_default() -> None:
    assert judge(DEFAULT, "call", "scripts.put", GATEWAY, NODE).rule == "gateways"
    assert judge(DEFAULT, "call", "prompt", NODE, GATEWAY).rule == "nodes-ask-gateways"
    assert judge(DEFAULT, "say", "alert", NODE, GATEWAY).allowed
    denied = judge(DEFAULT, "call", "scripts.put", NODE, OTHER)
    assert (denied.allowed, denied.rule, denied.reason) == (False, None, "no rule lets it call scripts.put")
    assert judge(DEFAULT, "write", "shared/x", NODE, NODE).allowed  # of the keys that state lets a node write
    assert read(DEFAULT.document) == DEFAULT


def test_who_is_denied_is_denied_wherever_the_rule_stands() -> None:
    allow = {"who": "*", "may": "call", "what": "*"}
    deny = {"who": "tag:kitchen", "may": "call", "what": "scripts.*", "deny": True}
    for order in ((allow, deny), (deny, allow)):
        made = policy(*order)
        assert not judge(made, "call", "scripts.put", NODE, OTHER).allowed
        assert judge(made, "call", "sensors.read", NODE, OTHER).allowed
        assert judge(made, "call", "scripts.put", OTHER, NODE).allowed


def test_a_rule_holds_at_its_receivers_until_its_time_and_for_its_values() -> None:
    made = policy(
        {
            "who": f"node:{B}",
            "may": "call",
            "what": "actuate",
            "at": [f"node:{C}"],
            "until": 10,
            "params": {"actuator": ["lamp", "fan"], "value": True},
        }
    )
    asked: dict[str, Any] = {"actuator": "lamp", "value": True}
    assert judge(made, "call", "actuate", NODE, OTHER, **asked).allowed
    assert not judge(made, "call", "actuate", NODE, GATEWAY, **asked).allowed
    assert not judge(made, "call", "actuate", OTHER, OTHER, **asked).allowed
    assert not judge(made, "call", "actuate", NODE, OTHER, now=10, **asked).allowed
    for wrong in ({"actuator": "door"}, {"value": False}, {"value": 1}, {"actuator": None}, {"actuator": ["lamp"]}):
        assert not judge(made, "call", "actuate", NODE, OTHER, **{**asked, **wrong}).allowed
    assert not judge(made, "call", "actuate", NODE, OTHER).allowed


@pytest.mark.parametrize(
    ("pattern", "resource", "covers"),
    [("a.b", "a.b", True), ("a.b", "a.bc", False), ("a.*", "a.b", True), ("a.*", "a", False), ("*", "", True)],
)
def test_what_a_pattern_covers(pattern: str, resource: str, covers: bool) -> None:
    assert judge(policy({"who": "*", "may": "call", "what": pattern}), "call", resource, NODE, OTHER).allowed is covers


RIGHT: dict[str, Any] = {"name": "r", "who": "*", "may": "call", "what": "x"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"who": None}, r"rules\[0\].who: must be there"),
        ({"who": []}, "a word, or a list"),
        ({"who": "role:king"}, "'role:king' is none"),
        ({"who": "node:kitchen"}, "'node:kitchen' is none"),
        ({"who": "tag:"}, "'tag:' is none"),
        ({"who": ["*", 3]}, "printable"),
        ({"may": "shout"}, "call, say, send, write"),
        ({"what": "a*b"}, r"\* at the end"),
        ({"what": "x" * 129}, "1 to 128"),
        ({"name": ["a", "b"]}, r"\.name"),
        ({"until": "tomorrow"}, "nanoseconds"),
        ({"until": -1}, "nanoseconds"),
        ({"deny": 1}, "true or false"),
        ({"params": []}, "a map"),
        ({"params": {"a": []}}, r"params\.a"),
        ({"params": {"a": {"b": 1}}}, r"params\.a"),
        ({"may": "say", "params": {"a": 1}}, "only a call"),
        ({"allow": True}, "unknown key 'allow'"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_place(change: dict[str, Any], says: str) -> None:
    rule = {key: value for key, value in {**RIGHT, **change}.items() if value is not None}
    with pytest.raises(InvalidError, match=says):
        read({"version": 1, "rules": [rule]})


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (None, "a map"),
        ({"version": -1, "rules": []}, "version"),
        ({"version": 1 << 32, "rules": []}, "version"),
        ({"version": True, "rules": []}, "version"),
        ({"version": 1, "rules": [3]}, "a rule is a map"),
        ({"version": 1, "rules": [RIGHT, RIGHT]}, "two rules"),
        ({"version": 1, "rules": [RIGHT] * (MAX_RULES + 1)}, "257 rules"),
        ({"version": 1, "rules": [], "mesh": "x"}, "unknown key 'mesh'"),
    ],
)
def test_what_is_no_policy_is_refused(document: Any, says: str) -> None:
    with pytest.raises(InvalidError, match=says):
        read(document)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["*", "call", "role:node"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*RIGHT, "at", "params", "x"]), inner),
    max_leaves=12,
)


@given(plain, plain)
def test_whatever_a_document_is_it_is_read_or_refused(rule: Any, other: Any) -> None:
    for document in (rule, {"version": 1, "rules": rule}, {"version": 1, "rules": [rule, other]}):
        try:
            made = read(document)
        except InvalidError:
            continue
        assert read(made.document) == made


@given(st.lists(rules, max_size=6), st.sampled_from(VERBS), st.sampled_from(["a", "ab", "b"]), parties, parties)
def test_the_order_of_rules_is_no_matter_and_what_was_asked_before_neither(
    made: list[Rule], verb: str, what: str, by: Party, at: Party
) -> None:
    policy = Policy(1, made)
    first = [judge(policy, verb, what, by, at, now).allowed for now in (1, 2)]
    assert [judge(policy, verb, what, by, at, now).allowed for now in (1, 2)] == first
    assert [judge(Policy(1, made[::-1]), verb, what, by, at, now).allowed for now in (1, 2)] == first
    matching = [
        rule
        for rule in made
        if by.words & set(rule.who) and at.words & set(rule.at) and rule.concerns(verb, what) and rule.until is None
    ]
    if all(rule.until is None for rule in made):
        assert first[0] is (bool(matching) and not any(rule.deny for rule in matching))


def test_what_is_remembered_is_bounded() -> None:
    made = policy({"who": "*", "may": "call", "what": "*"})
    for i in range(3000):
        judge(made, "call", f"m{i}", NODE, OTHER)
    assert len(made._known) <= 1024
