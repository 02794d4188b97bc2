# SPDX-License-Identifier: GPL-3.0-or-later
"""How a node is, in one word, and why, in sentences that each end with what to do about it. No I/O.

The word is the worst that was found: `revoked`, `away`, `bad` (something does not work), `warning` (something soon will
not), `asleep`, `ok`.
"""

from collections.abc import Callable, Iterator
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

#: Gives a sentence of the code in the reader's language: see `ganglion_gateway.dashboard.words`.
Say = Callable[[str], str]

#: The words, the worst first.
WORDS = ("revoked", "away", "bad", "warning", "asleep", "ok")


def _english(sentence: str) -> str:
    return sentence


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


def findings(
    node: Node, now: int, *, policy: tuple[int, int | None] | None = None, say: Say = _english
) -> list[Finding]:
    """Everything that is to be said, the worst first.

    Args:
        policy: The version that holds at the gateway, and that which the node has said it has.
        say: Gives a sentence in the reader's language. What a node has said itself stays as it said it.
    """
    found = [*_membership(node, now, say), *_presence(node, now, say), *_work(node, now, say), *_crash(node, now, say)]
    found += [*_machine(node, now, say), *_leaves(node, now, say)]
    if policy is not None and node.online and policy[1] is not None and policy[1] < policy[0]:
        text = say("it goes by version {old} of the policy, and {new} holds").format(old=policy[1], new=policy[0])
        found.append(Finding("warning", "policy", text, say("it hears of it by itself; if not, look at its broker")))
    return sorted(found, key=lambda each: WORDS.index(each.level))


def _membership(node: Node, now: int, say: Say) -> Iterator[Finding]:
    if node.revoked is not None:
        text = say("it was revoked {ago}: nobody in the mesh believes it").format(ago=ago(node.revoked, now, say))
        remedy = say("give it a new key and enrol it: stop it, remove its state folder, then `ganglion enrol` there")
        yield Finding("revoked", "revoked", text, remedy)
    left = node.credential_expires - now
    if left <= 0:
        text = say("its credential ended {ago}, so nobody believes what it says")
        text = text.format(ago=ago(node.credential_expires, now, say))
        yield Finding("bad", "credential", text, say("enrol it anew: `ganglion enrol` on the node"))
    elif left < SOON:
        text = say("its credential ends in {span}, and it has not renewed it").format(span=span(left, say))
        remedy = say("it does so by itself once it reaches the gateway: bring it online")
        yield Finding("warning", "credential", text, remedy)
    if node.clock == "bad":
        text = say("its clock is wrong, so its times are those of their arrival")
        yield Finding("warning", "clock", text, say("set it right there: run an NTP client, or give it a clock chip"))


def _presence(node: Node, now: int, say: Say) -> Iterator[Finding]:
    if node.online or node.revoked is not None:
        return
    seen = say("it was heard last {ago} ({moment})")
    seen = seen.format(ago=ago(node.last_seen, now, say), moment=moment(node.last_seen))
    if node.asleep(now):
        text = say("it sleeps, {span} at a time at most: {seen}").format(span=span(node.sleeps, say), seen=seen)
        yield Finding("asleep", "asleep", text, say("what it is to do waits for it"))
        return
    if node.sleeps:
        text = say("it should have woken, as it sleeps for {span} at most: {seen}")
        text = text.format(span=span(node.sleeps, say), seen=seen)
    elif node.died is None and now - node.facts.since <= SILENCE:
        text = say("this gateway began {span} ago, and has not heard it yet: {seen}")
        text = text.format(span=span(now - node.facts.since, say), seen=seen)
        remedy = say("wait: {silence} after its start the gateway knows who is away").format(silence=span(SILENCE, say))
        yield Finding("away", "unheard", text, remedy)
        return
    elif node.died is None:
        text = say("it is away: {seen}").format(seen=seen)
    elif node.died - node.last_seen > SILENCE:
        text = say("it is away since {span}, when it had said nothing for {silence}: {seen}")
        text = text.format(span=span(now - node.died, say), silence=span(SILENCE, say), seen=seen)
    else:
        text = say("it is away since {span}, when its connection ended: {seen}")
        text = text.format(span=span(now - node.died, say), seen=seen)
    remedy = say("look whether it has power and network; on it, `ganglion doctor` says more")
    yield Finding("away", "away", text, remedy)


def _vitals(node: Node, now: int) -> dict[str, Any]:
    """What it has said of itself lately; {} where that may be otherwise by now."""
    return node.facts.vitals if node.online and now - node.facts.vitals_at <= _OLD else {}


def _work(node: Node, now: int, say: Say) -> Iterator[Finding]:
    vitals = _vitals(node, now)
    for name, why in _texts(vitals.get("sensors")):
        text = say("its sensor {name} fails: {why}").format(name=name, why=why)
        remedy = say("look at its wiring; `ganglion sensors inspect {node} {name}`").format(node=node.name, name=name)
        yield Finding("bad", "sensor", text, remedy)
    for name, why in _texts(vitals.get("scripts")):
        text = say("its script {name} was not loaded: {why}").format(name=name, why=why)
        yield Finding("bad", "script", text, say("mend it, and start the node again"))
    for name, why in sorted(node.facts.failing.items()):
        text = say("the last run of its script {name} failed: {why}").format(name=name, why=why)
        remedy = say("`ganglion mova trace --node {node} --last` shows what it did").format(node=node.name)
        yield Finding("warning", "run", text, remedy)
    if (waits := _number(vitals, "spool")) >= MANY:
        text = say("events that wait on it to be stored here: {count}").format(count=f"{waits:.0f}")
        remedy = say("they come by themselves; if they grow more, look at the broker")
        yield Finding("warning", "spool", text, remedy)
    if lost := _number(vitals, "lost"):
        text = say("events lost since it started, for its spool had no room for them: {count}")
        text = text.format(count=f"{lost:.0f}")
        yield Finding("warning", "lost", text, say("it was cut off for too long, or its disk fails"))


def _crash(node: Node, now: int, say: Say) -> Iterator[Finding]:
    crash = node.facts.crash
    if crash is not None and now - crash.at < RECENT:
        text = say("its leaf {leaf} crashed {ago}: {why}") if crash.leaf else say("it crashed {ago}: {why}")
        text = text.format(leaf=crash.leaf, ago=ago(crash.at, now, say), why=crash.text)
        name = f"{node.name}/{crash.leaf}" if crash.leaf else node.name
        remedy = say("`ganglion crash show {name} {id}` has all that is known").format(name=name, id=crash.id)
        yield Finding("warning", "crash", text, remedy)


def _machine(node: Node, now: int, say: Say) -> Iterator[Finding]:
    if not node.online or not node.facts.vitals:
        return
    vitals = _vitals(node, now)
    if not vitals and now - node.facts.since <= _OLD:
        text = say("it has not said how it is since this gateway began; what it said {ago} counts no more")
        text = text.format(ago=ago(node.facts.vitals_at, now, say))
        yield Finding("ok", "vitals", text, say("it does so within a minute"))
    elif not vitals:
        text = say("it said {ago} last how it is").format(ago=ago(node.facts.vitals_at, now, say))
        yield Finding("warning", "vitals", text, say("look whether a policy is against readings of system/vitals"))
    if (heat := _number(vitals, "temperature")) >= HOT:
        text = say("it is {heat} °C warm").format(heat=f"{heat:.0f}")
        yield Finding("warning", "temperature", text, say("give it air; beyond 85 °C it slows down"))
    total, free = _number(vitals, "total"), _number(vitals, "available")
    if total and free < total * TIGHT:
        text = say("{free} MiB of its memory are free, of {total}")
        text = text.format(free=f"{free / 2**20:.0f}", total=f"{total / 2**20:.0f}")
        yield Finding("warning", "memory", text, say("stop what else runs there, or fewer scripts and sensors"))
    if "disk" in vitals and (disk := _number(vitals, "disk")) < FULL:
        text = say("{free} MiB are free where it keeps its state").format(free=f"{disk / 2**20:.0f}")
        yield Finding("warning", "disk", text, say("make room there: it would lose events and forget what it learnt"))
    if (level := _number(vitals, "signal")) <= WEAK:
        text = say("its radio hears the access point with {level} dBm").format(level=f"{level:.0f}")
        yield Finding("warning", "signal", text, say("move it nearer"))


def _leaves(node: Node, now: int, say: Say) -> Iterator[Finding]:
    for leaf in leaf_documents(node) if node.online else ():
        name, seen = leaf["name"], leaf["last_seen"]
        if not leaf["online"]:
            text = say("its leaf {name} is away, and was heard last {ago}") if seen else say("its leaf {name} is away")
            text = text.format(name=name, ago=ago(seen or 0, now, say))
            yield Finding("warning", "leaf", text, say("look whether it has power"))
        errors = node.facts.leaves.get(name, {}).get("errors")
        for error in errors if isinstance(errors, list) and leaf["online"] else ():
            text = say("a sensor of its leaf {name} fails: {why}").format(name=name, why=error)
            yield Finding("bad", "leaf", text, say("look at its wiring"))


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


def ago(at: int, now: int, say: Say = _english) -> str:
    """How long ago it was."""
    return say("{span} ago").format(span=span(now - at, say))


def span(nanoseconds: float, say: Say = _english) -> str:
    """A length of time in its greatest unit."""
    seconds = max(0, int(nanoseconds // SECOND))
    for size, unit in ((86400, say("d")), (3600, say("h")), (60, say("min"))):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} {say('s')}"


def moment(at: int) -> str:
    """A time, to the minute."""
    return f"{datetime.fromtimestamp(min(max(at, 0) // SECOND, 253_402_300_799), UTC):%Y-%m-%d %H:%M} UTC"
