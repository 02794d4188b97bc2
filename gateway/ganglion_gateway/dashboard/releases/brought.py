# SPDX-License-Identifier: GPL-3.0-or-later
"""The wheels of Ganglion that a release brings, beside its files."""

from nicegui import ui

from ganglion.client.documents import Agent, Release
from ganglion_gateway.dashboard import text
from ganglion_gateway.dashboard.facts import size
from ganglion_gateway.dashboard.parts import Cell, Row, Table
from ganglion_gateway.dashboard.words import Say

_SHORT = 12


def versions(release: Release) -> str:
    """Which Ganglion it brings; "" for none."""
    return text.whole(", ".join(dict.fromkeys(each["version"] for each in release["agent"])))


def kinds(release: Release) -> str:
    """Each version, and what machines it is for."""
    return "; ".join(text.whole(f"{each['version']}: {', '.join(each['tags'])}") for each in release["agent"])


def whole_size(release: Release) -> int:
    """Bytes of its files and wheels together."""
    return release["size"] + sum(each["size"] for each in release["agent"])


def holds(release: Release, say: Say) -> str:
    """How much is in it, and of what."""
    files, wheels = len(release["files"]), len(release["agent"])
    parts = []
    if files or not wheels:
        parts.append(say.many("{count} file", "{count} files", files).format(count=files))
    if wheels:
        parts.append(say.many("{count} wheel", "{count} wheels", wheels).format(count=wheels))
    return f"{size(whole_size(release))}: {', '.join(parts)}"


def listed(release: Release, say: Say) -> None:
    """A line for each wheel; nothing where it brings none."""
    if not release["agent"]:
        return
    columns = (say("Wheel of Ganglion"), say("Machines"), say("Size"), say("SHA-256"))
    with ui.element("div").classes("g-wheels"):
        table = Table(columns, empty="", label=say("Wheels of Ganglion"))
    table.update([_row(each) for each in release["agent"]])


def _row(wheel: Agent) -> Row:
    cells = (
        Cell(text.whole(wheel["version"]), hint=text.whole(wheel["name"])),
        Cell(text.whole(", ".join(wheel["tags"]))),
        Cell(size(wheel["size"])),
        Cell(wheel["sha256"][:_SHORT], hint=wheel["sha256"]),
    )
    return Row(wheel["sha256"], cells)
