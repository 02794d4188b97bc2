# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what in a mesh: rules, judged where something arrives. What no rule allows is refused. Pure.

A rule says who (`role:gateway`, `tag:kitchen`, `node:<id>`, `*`) may do what (a verb on a resource) at which receivers.
One that denies goes before all that allow, wherever it stands. Names of nodes are no part of it: they are not unique.

Before an operator has said anything `DEFAULT` holds, which is version 0. A policy without rules is one that was
deleted: it refuses everything. Who is a member is not for a policy to say, so births, enrolments and the methods by
which a member stays one are never judged: without them every node would have to be enrolled anew once a policy was
deleted for longer than a credential holds. A member that is to go is revoked.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ganglion.errors import InvalidError
from ganglion.sentences import say
from ganglion_micro import gl1

#: What may be done: ask a method, say an event of a class, send readings of a stream, write a key of the shared state.
VERBS = ("call", "say", "send", "write")
#: How a member stays one, asked of a gateway: no policy judges it.
MEMBERSHIP = frozenset(("credential.renew", "credential.rotate"))
#: Rules of one policy, and letters of one word of it: it must fit a message of the mesh.
MAX_RULES = 256
MAX_WORD = 128
#: Decisions that a receiver remembers.
_REMEMBERED = 1024
_KEYS = frozenset(("name", "who", "may", "what", "at", "until", "deny", "params"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who does something, or whom it is done to, as its credential says.

    Attributes:
        node_id: 26 letters; "" where nobody in particular is meant.
        roles: `node`, `gateway`.
        tags: As it was enrolled with.
        words: What a rule may call it by.
    """

    node_id: str
    roles: tuple[str, ...]
    tags: tuple[str, ...] = ()
    words: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        roles, tags = (f"role:{role}" for role in self.roles), (f"tag:{tag}" for tag in self.tags)
        node = (f"node:{self.node_id}",) if self.node_id else ()
        # Made once: its hash, which every decision needs, is then known
        object.__setattr__(self, "words", frozenset(("*", *node, *roles, *tags)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule.

    Attributes:
        name: What people call it.
        who: Any of these words.
        may: Verbs.
        what: Resources: names with dots or slashes in them, `*` at the end for all that begin so.
        at: Receivers, any of these words.
        until: Nanoseconds since the Unix epoch from which on it says nothing; None for ever.
        deny: Refuse what it is about.
        params: Values that parameters of a call must have: any of a list, by name.
    """

    name: str
    who: tuple[str, ...]
    may: tuple[str, ...]
    what: tuple[str, ...]
    at: tuple[str, ...] = ("*",)
    until: int | None = None
    deny: bool = False
    params: tuple[tuple[str, tuple[Any, ...]], ...] = ()

    def concerns(self, verb: str, resource: str) -> bool:
        """Whether it is about this, whoever does it."""
        return verb in self.may and any(_covers(pattern, resource) for pattern in self.what)

    def holds(self, now: int) -> bool:
        """Whether it still says something."""
        return self.until is None or now < self.until

    def asks(self, params: Mapping[str, Any]) -> bool:
        """Whether the parameters are those that it is about. A value of another type is another value."""
        return all(
            any(type(params.get(name)) is type(value) and params[name] == value for value in values)
            for name, values in self.params
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a policy says, and by which rule; `reason` is a sentence for people."""

    allowed: bool
    rule: str | None
    reason: str


class Policy:
    """Rules that hold together.

    Args:
        version: Only rises; 0 is before anybody has said anything.
        rules: In the order of their document.
    """

    def __init__(self, version: int, rules: Sequence[Rule]) -> None:
        self.version = version
        self.rules = tuple(rules)
        self._known: dict[tuple[frozenset[str], frozenset[str], str, str], Decision | tuple[Rule, ...]] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Policy) and (self.version, self.rules) == (other.version, other.rules)

    def __hash__(self) -> int:
        return hash((self.version, self.rules))

    def judge(
        self,
        verb: str,
        resource: str,
        *,
        by: Party,
        at: Party,
        now: int,
        params: Mapping[str, Any] | None = None,
    ) -> Decision:
        """Whether somebody may do something.

        Args:
            resource: A method, the class of an event, a stream, or a key.
            by: Who does it.
            at: Who judges.
            now: Nanoseconds since the Unix epoch.
            params: Of a call.
        """
        known = self._about(by, at, verb, resource)
        if isinstance(known, Decision):
            return known
        return _decide([rule for rule in known if rule.holds(now) and rule.asks(params or {})], verb, resource)

    def might(self, verb: str, resource: str, *, by: Party, at: Party, now: int) -> bool:
        """Whether it is allowed with some parameters."""
        known = self._about(by, at, verb, resource)
        if isinstance(known, Decision):
            return known.allowed
        rules = [rule for rule in known if rule.holds(now)]
        is_denied = any(rule.deny and not rule.params for rule in rules)
        return not is_denied and any(not rule.deny for rule in rules)

    def _about(self, by: Party, at: Party, verb: str, resource: str) -> Decision | tuple[Rule, ...]:
        """The decision, or where it depends on the time or on parameters, the rules that are about it; remembered."""
        key = (by.words, at.words, verb, resource)
        known = self._known.get(key)
        if known is None:
            known = self._look(by, at, verb, resource)
            while len(self._known) >= _REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[key] = known
        return known

    def _look(self, by: Party, at: Party, verb: str, resource: str) -> Decision | tuple[Rule, ...]:
        if verb == "call" and resource in MEMBERSHIP and "role:gateway" in at.words:
            return Decision(allowed=True, rule=None, reason="how a member stays one is not for a policy to say")
        if not self.rules:
            return Decision(allowed=False, rule=None, reason="the policy was deleted, and what none allows is refused")
        rules = tuple(
            rule
            for rule in self.rules
            if not by.words.isdisjoint(rule.who) and not at.words.isdisjoint(rule.at) and rule.concerns(verb, resource)
        )
        if any(rule.until is not None or rule.params for rule in rules):
            return rules
        return _decide(rules, verb, resource)

    @cached_property
    def document(self) -> dict[str, Any]:
        """What `read` takes: plain values, those that say nothing left out."""
        return {"version": self.version, "rules": [_written(rule) for rule in self.rules]}


def _decide(rules: Sequence[Rule], verb: str, resource: str) -> Decision:
    """By rules that all apply."""
    for rule in rules:
        if rule.deny:
            return Decision(allowed=False, rule=rule.name, reason=f"the rule {rule.name!r} denies it")
    if rules:
        return Decision(allowed=True, rule=rules[0].name, reason=f"the rule {rules[0].name!r} allows it")
    return Decision(allowed=False, rule=None, reason=f"no rule lets it {verb} {resource}")


#: What holds in a mesh whose operator has said nothing: gateways may ask nodes and each other, and nodes what they
#: need of a gateway; everybody speaks for itself; nobody but a gateway writes what all share.
DEFAULT = Policy(
    0,
    [
        Rule(name="gateways", who=("role:gateway",), may=VERBS, what=("*",)),
        Rule(name="nodes-ask-gateways", who=("role:node",), may=("call",), what=("*",), at=("role:gateway",)),
        Rule(name="nodes-speak", who=("role:node",), may=("say", "send", "write"), what=("*",)),
    ],
)


def read(document: Any, *, where: str = "policy") -> Policy:
    """The policy in a document of plain values, which may leave the version out.

    Raises:
        InvalidError: it is none; the message names the rule and the key.
    """
    if not isinstance(document, dict) or not isinstance(document.get("rules"), list):
        raise InvalidError(say("a policy is a map with a list of `rules`"), where=where)
    version = document.get("version", 0)
    if type(version) is not int or not 0 <= version < 1 << 32:
        raise InvalidError(say("the version is a whole number"), where=f"{where}.version")
    if unknown := document.keys() - {"version", "rules"}:
        raise InvalidError(
            say("unknown key {key!r}: there are version and rules", key=min(map(str, unknown))), where=where
        )
    rules = document["rules"]
    if len(rules) > MAX_RULES:
        raise InvalidError(
            say("{count} rules, and {most} is the limit", count=len(rules), most=MAX_RULES),
            where=f"{where}.rules",
        )
    made = [_rule(rule, f"{where}.rules[{i}]") for i, rule in enumerate(rules)]
    names = [rule.name for rule in made]
    if twice := next((i for i, name in enumerate(names) if names.index(name) < i), None):
        raise InvalidError(say("two rules are called {name!r}", name=names[twice]), where=f"{where}.rules[{twice}]")
    return Policy(version, made)


def _rule(rule: Any, where: str) -> Rule:
    if not isinstance(rule, dict):
        raise InvalidError(say("a rule is a map"), where=where)
    if unknown := rule.keys() - _KEYS:
        raise InvalidError(
            say("unknown key {key!r}: there are {names}", key=min(map(str, unknown)), names=", ".join(sorted(_KEYS))),
            where=where,
        )
    until, deny, params = rule.get("until"), rule.get("deny", False), rule.get("params", {})
    if until is not None and (type(until) is not int or not 0 <= until < 1 << 63):
        raise InvalidError(say("a time in nanoseconds since 1970"), where=f"{where}.until")
    if type(deny) is not bool:
        raise InvalidError(say("true or false"), where=f"{where}.deny")
    (name,) = _words(rule, "name", where, single=True)
    made = Rule(
        name=name,
        who=_words(rule, "who", where, check=is_party),
        may=_words(rule, "may", where, check=VERBS.__contains__),
        what=_words(rule, "what", where, check=_is_pattern),
        at=_words(rule, "at", where, check=is_party) if "at" in rule else ("*",),
        until=until,
        deny=deny,
        params=_params(params, f"{where}.params"),
    )
    if made.params and made.may != ("call",):
        raise InvalidError(say("only a call has parameters"), where=f"{where}.params")
    return made


def _words(
    rule: Mapping[str, Any], key: str, where: str, *, check: Any = None, single: bool = False
) -> tuple[str, ...]:
    """The words at a key: one, or a list of some."""
    given = rule.get(key)
    words = [given] if isinstance(given, str) else given
    at = f"{where}.{key}"
    if not isinstance(words, list) or not words or (single and len(words) > 1):
        raise InvalidError(say("must be there") if given is None else say("a word, or a list of words"), where=at)
    for i, word in enumerate(words):
        if not isinstance(given, str):
            at = f"{where}.{key}[{i}]"
        if not isinstance(word, str) or not 0 < len(word) <= MAX_WORD or not word.isprintable():
            raise InvalidError(say("a word of 1 to {most} printable letters", most=MAX_WORD), where=at)
        if check is not None and not check(word):
            raise InvalidError(say("{word!r} is none: {expected}", word=word, expected=_EXPECTED[key]), where=at)
    return tuple(words)


_EXPECTED = {
    "who": "role:gateway, role:node, tag:…, node:<id> or *",
    "at": "role:gateway, role:node, tag:…, node:<id> or *",
    "may": ", ".join(VERBS),
    "what": say("a name, with * at the end for all that begin so"),
}


def _params(params: Any, where: str) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    if not isinstance(params, dict):
        raise InvalidError(say("a map of names to values"), where=where)
    made = []
    for name, values in params.items():
        listed = values if isinstance(values, list) else [values]
        if not isinstance(name, str) or not listed or not all(map(_is_scalar, listed)):
            raise InvalidError(say("a number, text, bool, or a list of them"), where=f"{where}.{name}")
        made.append((name, tuple(listed)))
    return tuple(made)


def _is_scalar(value: object) -> bool:
    if type(value) is int:
        return -(1 << 63) <= value < 1 << 64
    return type(value) in (str, bool) or (type(value) is float and value == value)


def is_party(word: str) -> bool:
    """Whether a rule may call somebody by this word."""
    kind, _, name = word.partition(":")
    if kind == "node":
        return gl1.is_node_id(name)
    return word == "*" or word in ("role:gateway", "role:node") or (kind == "tag" and bool(name))


def _is_pattern(word: str) -> bool:
    return "*" not in word[:-1]


def _covers(pattern: str, resource: str) -> bool:
    return resource.startswith(pattern[:-1]) if pattern.endswith("*") else resource == pattern


def _written(rule: Rule) -> dict[str, Any]:
    made: dict[str, Any] = {"name": rule.name}
    for key in ("who", "may", "what", "at"):
        words: tuple[str, ...] = getattr(rule, key)
        if key != "at" or words != ("*",):
            made[key] = words[0] if len(words) == 1 else list(words)
    if rule.until is not None:
        made["until"] = rule.until
    if rule.deny:
        made["deny"] = True
    if rule.params:
        made["params"] = {name: _one_or_many(values) for name, values in rule.params}
    return made


def _one_or_many(values: Iterable[Any]) -> Any:
    listed = list(values)
    return listed[0] if len(listed) == 1 else listed
