# SPDX-License-Identifier: GPL-3.0-or-later
"""How a node is, in one word, and why, in sentences that each end with what to do about it. No I/O.

The word is the worst that was found: `revoked`, `away`, `bad` (something does not work), `warning` (something soon will
not), `asleep`, `ok`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ganglion.units import SECOND
from ganglion_gateway.fleet import SILENCE, Node
from ganglion_gateway.leaves import leaf_documents

_DAY = 86400 * SECOND
#: A credential is renewed long before it ends; one that is this near its end was not.
SOON = 3 * _DAY
#: How long a crash is news.
RECENT = _DAY
#: A node says its vitals each minute.
_OLD = 300 * SECOND
#: Degrees Celsius, dBm, bytes and events beyond which it is worth saying.
HOT, WEAK, FULL, TIGHT, MANY = 80.0, -80, 64 << 20, 0.05, 1000

#: The words, the worst first.
WORDS = ("revoked", "away", "bad", "warning", "asleep", "ok")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about a node.

    Attributes:
        level: One of `WORDS`.
        code: What it is about, for programs.
        text: A sentence.
        remedy: What to do about it; "" where nothing is.
    """

    level: str
    code: str
    text: str
    remedy: str = ""

    def document(self) -> dict[str, str]:
        """As JSON."""
        return {"level": self.level, "code": self.code, "text": self.text, "remedy": self.remedy}


def health(node: Node, now: int) -> str:
    """The word."""
    return word(findings(node, now))


def word(found: list[Finding]) -> str:
    """The word that is the worst of these."""
    return min((each.level for each in found), key=WORDS.index, default="ok")


def findings(node: Node, now: int, *, policy: tuple[int, int | None] | None = None) -> list[Finding]:
    """Everything that is to be said, the worst first.

    Args:
        policy: The version that holds at the gateway, and that which the node has said it has.
    """
    found = [*_membership(node, now), *_presence(node, now), *_work(node), *_crash(node, now), *_machine(node, now)]
    found += [*_leaves(node, now)]
    if policy is not None and node.online and policy[1] is not None and policy[1] < policy[0]:
        text = f"it goes by version {policy[1]} of the policy, and {policy[0]} holds"
        found.append(Finding("warning", "policy", text, "it hears of it by itself; if not, look at its broker"))
    return sorted(found, key=lambda each: WORDS.index(each.level))


def _membership(node: Node, now: int) -> Iterator[Finding]:
    if node.revoked is not None:
        yield Finding(
            "revoked",
            "revoked",
            f"it was revoked {ago(node.revoked, now)}: nobody in the mesh believes it",
            "give it a new key and enrol it: stop it, remove its state folder, then `ganglion enrol` there",
        )
    left = node.credential_expires - now
    if left <= 0:
        text = f"its credential ended {ago(node.credential_expires, now)}, so nobody believes what it says"
        yield Finding("bad", "credential", text, "enrol it anew: `ganglion enrol` on the node")
    elif left < SOON:
        text = f"its credential ends in {span(left)}, and it has not renewed it"
        yield Finding(
            "warning", "credential", text, "it does so by itself once it reaches the gateway: bring it online"
        )
    if node.clock == "bad":
        yield Finding(
            "warning",
            "clock",
            "its clock is wrong, so its times are those of their arrival",
            "set it right there: run an NTP client, or give it a clock chip",
        )


def _presence(node: Node, now: int) -> Iterator[Finding]:
    if node.online or node.revoked is not None:
        return
    seen = f"it was heard last {ago(node.last_seen, now)} ({moment(node.last_seen)})"
    if node.asleep(now):
        text = f"it sleeps, {span(node.sleeps)} at a time at most: {seen}"
        yield Finding("asleep", "asleep", text, "what it is to do waits for it")
        return
    if node.sleeps:
        text = f"it should have woken, as it sleeps for {span(node.sleeps)} at most: {seen}"
    elif node.died is None:
        text = f"it is away: {seen}"
    elif node.died - node.last_seen > SILENCE:
        text = f"it is away since {span(now - node.died)}, when it had said nothing for {span(SILENCE)}: {seen}"
    else:
        text = f"it is away since {span(now - node.died)}, when its connection ended: {seen}"
    yield Finding("away", "away", text, "look whether it has power and network; on it, `ganglion doctor` says more")


def _work(node: Node) -> Iterator[Finding]:
    vitals = node.facts.vitals if node.online else {}
    for name, why in _texts(vitals.get("sensors")):
        text = f"its sensor {name} fails: {why}"
        yield Finding("bad", "sensor", text, f"look at its wiring; `ganglion sensors inspect {node.name} {name}`")
    for name, why in _texts(vitals.get("scripts")):
        yield Finding("bad", "script", f"its script {name} was not loaded: {why}", "mend it, and start the node again")
    for name, why in sorted(node.facts.failing.items()):
        text = f"the last run of its script {name} failed: {why}"
        yield Finding("warning", "run", text, f"`ganglion mova trace --node {node.name} --last` shows what it did")
    if (waits := _number(vitals, "spool")) >= MANY:
        text = f"{waits:.0f} events wait on it to be stored here"
        yield Finding("warning", "spool", text, "they come by themselves; if they grow more, look at the broker")
    if lost := _number(vitals, "lost"):
        text = f"it has lost {lost:.0f} events since it started, for its spool had no room for them"
        yield Finding("warning", "lost", text, "it was cut off for too long, or its disk fails")


def _crash(node: Node, now: int) -> Iterator[Finding]:
    crash = node.facts.crash
    if crash is not None and now - crash.at < RECENT:
        who = f"its leaf {crash.leaf}" if crash.leaf else "it"
        name = f"{node.name}/{crash.leaf}" if crash.leaf else node.name
        text = f"{who} crashed {ago(crash.at, now)}: {crash.text}"
        yield Finding("warning", "crash", text, f"`ganglion crash show {name} {crash.id}` has all that is known")


def _machine(node: Node, now: int) -> Iterator[Finding]:
    if not node.online:
        return
    vitals = node.facts.vitals
    if not vitals:
        return
    if now - node.facts.vitals_at > _OLD:
        text = f"it said {ago(node.facts.vitals_at, now)} last how it is"
        yield Finding("warning", "vitals", text, "look whether a policy is against readings of system/vitals")
    if (heat := _number(vitals, "temperature")) >= HOT:
        yield Finding("warning", "temperature", f"it is {heat:.0f} °C warm", "give it air; beyond 85 °C it slows down")
    total, free = _number(vitals, "total"), _number(vitals, "available")
    if total and free < total * TIGHT:
        text = f"{free / 2**20:.0f} MiB of its memory are free, of {total / 2**20:.0f}"
        yield Finding("warning", "memory", text, "stop what else runs there, or fewer scripts and sensors")
    if "disk" in vitals and (disk := _number(vitals, "disk")) < FULL:
        text = f"{disk / 2**20:.0f} MiB are free where it keeps its state"
        yield Finding("warning", "disk", text, "make room there: it would lose events and forget what it learnt")
    if (level := _number(vitals, "signal")) <= WEAK:
        yield Finding("warning", "signal", f"its radio hears the access point with {level:.0f} dBm", "move it nearer")


def _leaves(node: Node, now: int) -> Iterator[Finding]:
    for leaf in leaf_documents(node) if node.online else ():
        name = leaf["name"]
        if not leaf["online"]:
            seen = f", and was heard last {ago(leaf['last_seen'], now)}" if leaf["last_seen"] else ""
            yield Finding("warning", "leaf", f"its leaf {name} is away{seen}", "look whether it has power")
        errors = node.facts.leaves.get(name, {}).get("errors")
        for error in errors if isinstance(errors, list) and leaf["online"] else ():
            yield Finding("bad", "leaf", f"a sensor of its leaf {name} fails: {error}", "look at its wiring")


def summary(node: Node, now: int) -> str:
    """One sentence: what it is, and since when it has been there."""
    vitals = node.facts.vitals
    up = f", and has run for {span(_number(vitals, 'up') * SECOND)}" if node.online and vitals else ""
    there = f"is online{up}" if node.online else "is asleep" if node.asleep(now) else "is not there"
    return f"{node.name} ({node.board or 'of no known board'}, {node.sw or 'no known software'}) {there}"


def _texts(value: Any) -> list[tuple[str, str]]:
    return [(str(name), str(why)) for name, why in value.items()] if isinstance(value, dict) else []


def _number(vitals: dict[str, Any], name: str) -> float:
    value = vitals.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def ago(at: int, now: int) -> str:
    """How long ago it was."""
    return f"{span(now - at)} ago"


def span(nanoseconds: float) -> str:
    """A length of time in its greatest unit."""
    seconds = max(0, int(nanoseconds // SECOND))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def moment(at: int) -> str:
    """A time, to the minute."""
    return f"{datetime.fromtimestamp(min(max(at, 0) // SECOND, 253_402_300_799), UTC):%Y-%m-%d %H:%M} UTC"
