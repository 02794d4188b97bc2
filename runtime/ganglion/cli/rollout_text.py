# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts as people read them. Names and reasons are of nodes, so each goes through `plain`."""

from collections.abc import Mapping, Sequence
from typing import Any

from ganglion.cli.result import table
from ganglion.cli.show import clock, moment, plain
from ganglion.units import SECOND

Document = Mapping[str, Any]

#: Names of one line, and lines of one list; the rest is counted.
_NAMES = 6
_LINES = 20
#: States of nodes by which a stage is not judged.
_NOT_JUDGED = ("skipped", "gone")
#: Letters of a release's id.
_SHORT = 12


def plan(made: Document) -> str:
    """What a rollout would do, and how to have it done."""
    rows = []
    for stage in made["stages"]:
        names = [each["name"] + _there(each) for each in stage["nodes"]]
        rows.append((stage["number"], f"{stage['percent']:g} %", stage["size"], _span(stage["soak"]), _some(names)))
    lines = [f"{_release(made)} to {_nodes(made['nodes'])}: {plain(made['selector'])}"]
    lines.append(table(("stage", "of all", "adds", "soak", "nodes"), rows))
    if asleep := len(made["asleep"]):
        lines.append(
            "1 of them is asleep: it gets it when it wakes, and counts as waiting until then"
            if asleep == 1
            else f"{asleep} of them are asleep: they get it when they wake, and count as waiting until then"
        )
    if away := len(made["away"]):
        lines.append(
            "1 of them is not there now: it gets it when it is back, and counts as waiting"
            if away == 1
            else f"{away} of them are not there now: they get it when they are back, and count as waiting"
        )
    lines += _versions(made["versions"])
    if made["already"]:
        lines.append(f"{_are(len(made['already']), 'has', 'have')} it already: {_which(made, made['already'])}")
    if (unknown := made["space_unknown"]) and made["nodes"]:
        lines.append(f"{_are(len(unknown), 'does', 'do')} not say how much could be stored: {_which(made, unknown)}")
    if made["skipped"]:
        lines.append(f"{len(made['skipped'])} that are meant cannot take it:")
        lines += _bounded(_by_why(made["skipped"]))
    if made["busy"]:
        lines.append(
            f"{_are(len(made['busy']), 'is', 'are')} in a rollout that has not ended, so this one cannot begin:"
        )
        lines += _bounded([f"  {plain(each['name'])}: {plain(each['rollout'])}" for each in made["busy"]])
    lines += [plain(each) for each in made["unknown"]]
    if not made["nodes"]:
        return "\n".join([*lines, "nobody would get it"])
    if made["busy"]:
        return "\n".join([*lines, "wait for that, abort it, or leave them out by the selector"])
    return "\n".join([*lines, f"begin it: the same words after `ganglion rollout start`, and --id {plain(made['id'])}"])


def begun(document: Document) -> str:
    """What was begun, and how to see it go on."""
    count = sum(stage["size"] for stage in document["stages"])
    id = plain(document["id"])
    return f"rollout {id}: {_release(document)} to {_nodes(count)}\nfollow it: ganglion rollout watch {id}"


def listed(found: Sequence[Document]) -> str:
    """Rollouts."""
    if not found:
        return "there was no rollout yet; `ganglion rollout plan` says what one would do"
    rows = [
        (
            plain(each["id"]),
            each["state"],
            f"{each['stage']} of {len(each['stages'])}",
            far(each["nodes"]),
            _release(each),
            plain(each["selector"]),
            moment(each["created"]),
        )
        for each in found
    ]
    return table(("rollout", "state", "stage", "nodes", "release", "to", "begun"), rows)


def progress(document: Document) -> list[str]:
    """What a watch adds: what has happened, then how far it is."""
    lines = [f"{clock(each['at'])[:8]}  {_happened(each)}" for each in document["notes"]]
    stages = document["stages"]
    stage = stages[document["stage"] - 1]
    if document["state"] in ("running", "paused"):
        where = f"stage {stage['number']} of {len(stages)} {stage['state']}: {far(stage['nodes'])}"
        lines.append(f"{document['state']}  {where}")
    else:
        lines.append(commanded(document))
    return lines


def commanded(document: Document) -> str:
    """How a rollout is now, in a sentence."""
    why = f" ({plain(document['why'])})" if document["why"] else ""
    return f"rollout {plain(document['id'])} is {document['state']}{why}: {far(document['nodes'])}"


def report(told: Document) -> str:
    """All of it."""
    lines = [f"rollout {plain(told['id'])}: {_release(told)} to {plain(told['selector'])}, by {plain(told['by'])}"]
    ended = f", ended {moment(told['ended'])}" if told["ended"] else ""
    why = f" ({plain(told['why'])})" if told["why"] else ""
    lines.append(f"{told['state']}{why}; begun {moment(told['created'])}{ended}")
    rows = [
        (each["number"], f"{each['percent']:g} %", each["size"], each["state"].replace("_", " "), far(each["nodes"]))
        for each in told["stages"]
    ]
    lines.append(table(("stage", "of all", "adds", "state", "nodes"), rows))
    lines += _waits(told)
    if told["troubled"]:
        lines.append("trouble:")
        troubled = [
            f"  {plain(each['name'])}: {each['state']}{': ' + plain(each['why']) if each['why'] else ''}"
            for each in told["troubled"]
        ]
        lines += _bounded(troubled)
    lines.append("what happened:")
    lines += _bounded([f"  {moment(each['at'])}  {_happened(each)}" for each in told["notes"]])
    return "\n".join(lines)


def far(counts: dict[str, int]) -> str:
    """How many nodes are how far."""
    return ", ".join(f"{count} {plain(state)}" for state, count in counts.items()) or "nobody yet"


def _waits(told: Document) -> list[str]:
    """What has to come for the stage that is running to pass, and what to do where it does not come."""
    stage = told["stages"][told["stage"] - 1]
    if told["state"] != "running" or stage["state"] != "running":
        return []
    counts = stage["nodes"]
    size = sum(count for state, count in counts.items() if state not in _NOT_JUDGED)
    needed = -(-size * told["terms"]["quorum"] // 100)
    done = counts.get("committed", 0)
    lines = [f"stage {stage['number']}: {done} committed, and it soaks once {needed} of {size} have"]
    if counts.get("waiting"):
        lines[0] += "; those that wait are waited for, however long they are away"
        lines.append("leave such out: abort it, and begin one --to '(…) and online=yes', or with a lower --quorum")
    return lines


def _by_why(skipped: Sequence[Document]) -> list[str]:
    """A line for each reason, with the names of those that have it."""
    groups: dict[str, list[str]] = {}
    for each in skipped:
        groups.setdefault(each["why"], []).append(each["name"])
    return [f"  {_some(names)}: {plain(why)}" for why, names in groups.items()]


def _happened(note: Document) -> str:
    what, detail = plain(note["what"]), plain(note["detail"])
    if note["what"] in ("stage", "soaking", "unsettled") or detail.startswith("by "):
        return f"{what} {detail}"  # it goes on with the sentence
    return f"{what}: {detail}" if detail else what


def _are(count: int, one: str, many: str) -> str:
    return f"{count} of them {one if count == 1 else many}"


def _which(made: Document, ids: Sequence[str]) -> str:
    """The names of some nodes of a plan."""
    names = {each["node"]: each["name"] for stage in made["stages"] for each in stage["nodes"]}
    return _some([names.get(id, id) for id in ids])


def _nodes(count: int) -> str:
    return "1 node" if count == 1 else f"{count} nodes"


def _release(document: Document) -> str:
    return f"{plain(document['name'])} ({plain(document['release'][:_SHORT])})"


def _there(node: Document) -> str:
    return "" if node["online"] else " (asleep)" if node["sleeps"] else " (away)"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(plain(name) for name in names[:_NAMES]) + more


def _versions(changed: Sequence[Document]) -> list[str]:
    """Which nodes would run another version of Ganglion, by the versions; a lower one is said so."""
    groups: dict[tuple[str, str, bool], list[str]] = {}
    for each in changed:
        groups.setdefault((each["before"], each["after"], each["older"]), []).append(each["name"])
    lines = []
    for (before, after, older), names in sorted(groups.items()):
        instead = "which is OLDER than" if older else "in place of"
        runs = f"{_are(len(names), 'runs', 'run')} Ganglion {plain(after)} then"
        lines.append(f"{runs}, {instead} {plain(before)}: {_some(names)}")
    return lines


def _bounded(lines: list[str]) -> list[str]:
    more = len(lines) - _LINES
    return lines if more <= 0 else [*lines[:_LINES], f"  and {more} more; --json has all of them"]


def _span(time: int) -> str:
    """A span in its greatest whole unit."""
    seconds = time // SECOND
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds and not seconds % size:
            return f"{seconds // size}{unit}"
    return f"{time / SECOND:g}s"
