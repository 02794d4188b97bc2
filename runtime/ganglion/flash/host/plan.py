# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done on a machine, of what it is and of what was asked for. Nothing here connects."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ganglion.board import Board, board, names
from ganglion.errors import GanglionError, InvalidError, UsageError
from ganglion.flash.host import node_file
from ganglion.flash.host.machine import CONFIG, Machine
from ganglion.flash.host.package import EVERYWHERE, Package

#: What a family of boards is called -> how the names of its boards begin.
FAMILIES = {"pi": "raspberry-pi-", "openwrt": "openwrt-"}
#: Python that Ganglion needs: `requires-python` of its distribution.
_PYTHON = (3, 11)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One of the steps, in the order in which they are done.

    Attributes:
        name: `package`, `configuration`, `key`, `service` or `seen`.
        text: What it does; where nothing is to be done, why.
        due: Whether it changes something on the machine.
    """

    name: str
    text: str
    due: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done.

    Attributes:
        machine: What the machine was found to be.
        board: What it is among the boards.
        package: What is to be installed.
        name: The node's.
        config: What its configuration is to be; the same as before where that stays.
        key: The enrol key that it is given; empty for none.
        steps: What that comes to, for people and programs.
    """

    machine: Machine
    board: Board
    package: Package
    name: str
    config: str
    key: str
    steps: tuple[Step, ...]

    def due(self, name: str) -> bool:
        """Whether a step changes something."""
        return any(step.due for step in self.steps if step.name == name)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be changed."""
        return not any(step.due for step in self.steps)

    def data(self) -> list[dict[str, Any]]:
        """The steps as `--json` has them."""
        return [{"step": step.name, "text": step.text, "changes": step.due} for step in self.steps]


def candidates(word: str) -> list[Board]:
    """The boards that a word of the command line may mean: one by its name, or a family.

    Raises:
        NotFoundError: there is no such board.
        UsageError: it is not reached by SSH.
    """
    if word in FAMILIES:
        return [board(name) for name in names() if name.startswith(FAMILIES[word])]
    found = board(word)
    if found.flashing.method != "ssh":
        raise UsageError(
            f"{word} is not reached by SSH: leave --host out, and `ganglion flash {word}` looks for it here"
        )
    return [found]


def recognised(machine: Machine, among: list[Board], where: str) -> Board:
    """The board that the machine is.

    Raises:
        InvalidError: it says that it is another, or with several to choose from none of them.
    """
    known = [board(name) for name in names() if name.startswith(tuple(FAMILIES.values()))]
    # The longest title first: what begins with "Raspberry Pi 3" may be more than that
    by_title = sorted(known, key=lambda each: len(each.title), reverse=True)
    itself = next((each for each in by_title if machine.model and machine.model.startswith(each.title)), None)
    if machine.target:
        itself = next((each for each in known if each.chip in machine.target.split("/")), None)
    if itself is not None and itself.name in {each.name for each in among}:
        return itself
    what = machine.target or machine.model or f"{machine.system} on {machine.machine or 'an unknown processor'}"
    if itself is not None:
        raise InvalidError(f"is a {itself.name} ({what}): say `ganglion flash {itself.name}`", where=where)
    if len(among) == 1 and not (machine.target and among[0].name.startswith(FAMILIES["pi"])):
        return among[0]
    those = ", ".join(each.name for each in among)
    raise InvalidError(f"is {what}, which is none of {those}: name the board that comes nearest", where=where)


def checked_machine(machine: Machine, board: Board, where: str) -> str:
    """The architecture of packages for it.

    Raises:
        InvalidError: it is not such a machine.
        GanglionError: it lacks what Ganglion needs.
    """
    if not machine.form:
        raise GanglionError(
            f"{where} ({machine.system}) has neither dpkg nor opkg nor apk: install Ganglion there with pip, README"
        )
    if not machine.init:
        raise GanglionError(
            f"{where} ({machine.system}) runs neither systemd nor procd, so nothing would start the node: "
            "boot it with one of them"
        )
    needed = board.flashing.packages.get(machine.form)
    if needed is None:
        forms = ", ".join(sorted(board.flashing.packages))
        raise InvalidError(f"takes packages of the form {machine.form}, and a {board.name} {forms}", where=where)
    if needed not in machine.architectures:
        those = " ".join(machine.architectures) or "none that it names"
        remedy = (
            "put the 64 bit system on it"
            if needed == "arm64"
            else "see `ganglion boards list` for the board that it is"
        )
        raise InvalidError(f"takes packages for {those}, and a {board.name} needs {needed}: {remedy}", where=where)
    if machine.form == "deb" and machine.python is not None and machine.python < _PYTHON:
        has, wants = ".".join(map(str, machine.python)), ".".join(map(str, _PYTHON))
        raise GanglionError(
            f"{where} has Python {has} and Ganglion needs {wants}: put a newer system on it (Debian 12 or later)"
        )
    return needed


def plan(
    machine: Machine,
    board: Board,
    package: Package,
    before: str,
    *,
    name: str | None,
    broker: str | None,
    key: str,
    where: str,
) -> Plan:
    """What is to be done.

    Args:
        before: The configuration that is there; empty for none.
        name, broker: What it is to say; None for what it says.
        key: An enrol key; empty for none.

    Raises:
        InvalidError: the package is another machine's, or the configuration cannot be changed.
        GanglionError: there is not enough room.
        UsageError: something must be said first.
    """
    needed = checked_machine(machine, board, where)
    _checked_package(machine, package, needed, where)
    key = "" if machine.is_member else key
    config = _config(machine, board, before, name, broker, bool(key), where)
    is_there = machine.record == package.sha256 and bool(machine.installed)
    if not is_there:
        _checked_room(machine, package, where)
    version = f"ganglion {package.version}".rstrip()
    said = f"{version} ({needed}, {len(package.data) // 1024} KiB)"
    steps = [
        Step(name="package", text=f"{version} is installed already", due=False)
        if is_there
        else Step(
            name="package",
            text=f"install {said}" + f" in place of {machine.installed}" * bool(machine.installed),
            due=True,
        ),
        Step(name="configuration", text=f"{CONFIG} stays as it is", due=False)
        if config == before
        else Step(
            name="configuration",
            text=f"change {CONFIG}; the old one is kept beside it" if before else f"write {CONFIG}",
            due=True,
        ),
    ]
    if key:
        steps.append(Step(name="key", text="give it the enrol key, which is removed when it has joined", due=True))
    moved = any(step.due for step in steps)
    runs = machine.is_active and machine.is_enabled and not moved
    verb = "restart" if machine.is_active else "start"
    text = "the service runs already" if runs else f"{verb} the service, now and whenever the machine does"
    steps.append(Step(name="service", text=text, due=not runs))
    return Plan(
        machine=machine,
        board=board,
        package=package,
        name=node_file.named(config, CONFIG),
        config=config,
        key=key,
        steps=tuple(steps),
    )


def mark() -> str:
    """A word that nothing else says."""
    return f"ganglion-{secrets.token_hex(8)}"


def _checked_package(machine: Machine, package: Package, needed: str, where: str) -> None:
    if package.form != machine.form:
        raise InvalidError(f"is a .{package.form}, and {where} installs .{machine.form}", where=str(package.path))
    if package.architecture and package.architecture not in (needed, *EVERYWHERE):
        raise InvalidError(f"is for {package.architecture}, and {where} needs {needed}", where=str(package.path))


def _checked_room(machine: Machine, package: Package, where: str) -> None:
    """On a disk the package lies beside what comes of it; a router has it in memory."""
    in_memory = machine.form != "deb"
    size = len(package.data)
    for free, need, what in (
        (machine.disk, package.installed_bytes + (0 if in_memory else size), "its disk"),
        (machine.available, size * 2 if in_memory else 0, "its memory"),
    ):
        if free < need:
            raise GanglionError(
                f"{where} has {free // 1024} KiB free of {what} and needs {-(-need // 1024)}: make room there, "
                "then run this again"
            )


def _config(
    machine: Machine, board: Board, before: str, name: str | None, broker: str | None, has_key: bool, where: str
) -> str:
    if before:
        return node_file.changed(before, node_file.wanted(name, broker, has_key=has_key), f"{where}: {CONFIG}")
    if broker is None:
        raise UsageError(f"{where} has no configuration yet: say where its broker is, --broker mqtt://host")
    if not has_key and not machine.is_member:
        raise UsageError(f"{where} is in no mesh yet: give it a key, --enrol-key FILE (`ganglion enrol-key create`)")
    own = name or re.sub("[^A-Za-z0-9_-]", "-", machine.host)[:40] or "node"
    values: Mapping[tuple[str, str], str] = node_file.wanted(own, broker, has_key=True)
    return node_file.new(board, values)
