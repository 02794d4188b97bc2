# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases as people read them. Names and reasons are of nodes and operators, so each goes through `plain`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ganglion.cli.result import table
from ganglion.cli.show import moment, plain

Document = Mapping[str, Any]

#: Letters of an id that people see.
_SHORT = 12


def listed(found: Sequence[Document]) -> str:
    """Releases, and how many nodes are to run each."""
    if not found:
        return "there is no release yet; `ganglion release create DIR --name NAME` makes one"
    rows = [
        (
            *(each["id"][:_SHORT], plain(each["name"]), len(each["files"]), _versions(each["agent"])),
            each["size"] + sum(wheel["size"] for wheel in each["agent"]),
            *(moment(each["created"]), each["nodes"]),
        )
        for each in found
    ]
    return table(("release", "name", "files", "Ganglion", "bytes", "made", "nodes"), rows)


def _versions(wheels: Sequence[Document]) -> str:
    """Which Ganglion a release brings."""
    return plain(", ".join(dict.fromkeys(each["version"] for each in wheels))) or "-"


def shown(release: Document) -> str:
    """All of one."""
    lines = [f"{plain(release['name'])}: {release['id']}"]
    if files := release["files"]:
        lines.append(table(("file", "bytes", "SHA-256"), [(f["path"], f["size"], f["sha256"][:16]) for f in files]))
    if agents := release["agent"]:
        rows = [(each["version"], ", ".join(each["tags"]), each["size"], each["sha256"][:16]) for each in agents]
        lines.append(table(("Ganglion", "for", "bytes", "SHA-256"), [tuple(map(str, row)) for row in rows]))
    if needs := release["requires"]:
        lines.append(f"needs {_needs(needs)}")
    lines.append(f"it has {release['window']} s to prove itself")
    return "\n".join(lines)


def _needs(needs: Document) -> str:
    """What a node must have, in words."""
    words = [*needs.get("board", []), *([f"Ganglion {needs['agent']}"] if "agent" in needs else [])]
    words += [each.replace(":", " ", 1) for each in needs.get("capabilities", [])]
    return ", ".join(map(plain, words)) or "nothing"


#: How what else may be otherwise is said, once for each release.
_DIFFERS: dict[str, Callable[[Any], str]] = {
    "requires": lambda needs: f"needs {_needs(needs)}",
    "window": lambda seconds: f"{seconds} s to prove itself",
    "agent": lambda wheels: f"brings {', '.join(map(plain, wheels)) or 'no Ganglion'}",
}


def difference(found: Document) -> str:
    """What is otherwise in the second of two."""
    parts = []
    for each in found["files"]:
        unified = each["unified"]
        parts.append(f"{each['change']} {each['path']}" + ("" if unified is None else f"\n{_lines(unified)}"))
    for name, say in _DIFFERS.items():
        if name in found:
            parts.append(" → ".join(map(say, found[name])))
    return "\n".join(parts) or "they hold the same"


def _lines(text: str) -> str:
    return "\n".join(map(plain, text.expandtabs().splitlines()))


def nodes(told: Document) -> str:
    """Who is to run one, and how far each is."""
    if not told["nodes"]:
        return "no node is to run it"
    rows = [
        (plain(each["name"]), each["state"], "yes" if each["online"] else "no", moment(each["at"]), plain(each["why"]))
        for each in told["nodes"]
    ]
    how = ", ".join(f"{count} {plain(state)}" for state, count in sorted(told["reported"].items()))
    count = "1 node" if told["desired"] == 1 else f"{told['desired']} nodes"
    return f"{table(('node', 'state', 'there', 'assigned', 'why'), rows)}\n{count}: {how}"


def standing(told: Document, release: Document | None) -> str:
    """Where a node stands with the release that it should run, and by which Ganglion it runs."""
    runs = told["runs"]
    version = f"it runs Ganglion {plain(runs['version'])}" if runs["version"] else "it was not heard yet"
    if runs["version"]:
        brought = f"which a release has brought; {plain(runs['installed'])} is installed"
        version += f", {brought if runs['wheel'] else 'as installed'}"
    return f"{_stands(told, release)}\n{version}"


def _stands(told: Document, release: Document | None) -> str:
    name = plain(told["name"])
    if told["desired"] is None:
        return f"{name} was assigned nothing, and runs its own configuration"
    what = "its own configuration alone" if release is None else f"{plain(release['name'])} ({release['id'][:_SHORT]})"
    report = told["reported"]
    stands = f"{name} is to run {what}: {far(report['state'], report['why'])}"
    if report["state"] in ("reverted", "failed"):
        stands += f"\nwhat it ran before goes on there: `ganglion call {name} release.status`"
    return stands


def far(state: str, why: str) -> str:
    """How far a node is."""
    return f"{state}, {plain(why)}" if why else state
