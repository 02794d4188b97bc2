# SPDX-License-Identifier: GPL-3.0-or-later
"""Says what is installed, what is missing, and what to do about it."""

import argparse
import asyncio
import dataclasses
import platform
import sys
from pathlib import Path
from typing import Any

from ganglion import __version__, config
from ganglion.bus import BACKEND, WHY_NOT
from ganglion.cli.result import Result, table
from ganglion.extras import MODULES, is_installed, is_there, missing, package, remedy
from ganglion.linux import device
from ganglion.mesh.quality import Quality
from ganglion.mesh.state_folder import doubts
from ganglion.release.folder import Folder
from ganglion.release.trees import INSTALLED, Trees, pointed
from ganglion.words import LANGUAGES, NOT_BUILT, is_spoken

#: Of a file with a copy that is believed, and of one without.
_AGAIN = "start the node again: it writes it anew from its copy; and look at the disk, which has damaged it"
_HEAR = (
    "have the node reach its gateway or a neighbour, who tell it again: until then its actuators stay safe where it is "
    "the limits; and look at the disk, which has damaged it"
)
#: Of a version of Ganglion that is damaged on the disk.
_FETCHED = "start the node again: what is installed runs, and it fetches that again; and look at the disk"
#: What every device needs.
BASE = ("cbor2", "cronsim", "nacl", "yaml")


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion doctor [--state DIR]`."""
    parser.add_argument("--state", type=Path, help="of a node; default: all nodes in the XDG state folder")


def run(args: argparse.Namespace) -> Result:
    """Looks; exit 1 where a part that every device needs is missing, or what the mesh has told a node is lost."""
    problems = []
    lacking = [name for name in BASE if not is_there(name)]
    if lacking:
        problems.append({"what": f"missing: {', '.join(lacking)}", "remedy": _reinstalled()})
    if BACKEND != "native":
        problems.append(
            {
                "what": f"the bus runs in Python: {WHY_NOT}",
                "remedy": "reinstall on x86_64 or aarch64 Linux without GANGLION_PURE and GANGLION_BACKEND; "
                "elsewhere nothing is wrong but the speed",
            }
        )
    problems += [
        {
            "what": f"--lang {language}: {NOT_BUILT}",
            "remedy": _reinstalled() + ("" if package() else ", or in a clone: pip install -e ."),
        }
        for language in LANGUAGES
        if not is_spoken(language)
    ]
    known, lost = _kept(args.state)
    problems += known
    brought = [each for folder in _nodes(args.state) if (each := _brought(folder)) is not None]
    problems += [{"what": f"{each['node']}: {each['wrong']}", "remedy": _FETCHED} for each in brought if each["wrong"]]
    extras = {extra: is_installed(extra) for extra in MODULES}
    quality = Quality()
    asyncio.run(quality.refresh())
    data: dict[str, Any] = {
        "version": __version__,
        "backend": BACKEND,
        "python": platform.python_version(),
        "platform": f"{sys.platform}-{platform.machine()}",
        "extras": extras,
        "devices": [_devices(kind) for kind in device.KINDS],
        "link_quality": [dataclasses.asdict(source) for source in quality.sources],
        "brought": brought,
        "problems": problems,
    }
    return Result(data=data, text=lambda: _text(data), exit_code=1 if lacking or lost else 0)


def _reinstalled() -> str:
    """How what every device needs comes back."""
    return "install the package again" if package() else "pip install --force-reinstall ganglion"


def _lacks(extra: str) -> str:
    lacking = missing(extra)
    named = "" if lacking == list(MODULES[extra]) else f" {', '.join(lacking)}"
    return f"no{named}: {remedy(extra)}"


def _kept(state: Path | None) -> tuple[list[dict[str, str]], bool]:
    """What is wrong with what nodes of this machine keep of their mesh, and whether any of it is lost."""
    problems, any_lost = [], False
    for folder in _nodes(state):
        damaged, lost = doubts(folder)
        problems += [{"what": each, "remedy": _AGAIN} for each in damaged]
        problems += [{"what": each, "remedy": _HEAR} for each in lost]
        any_lost = any_lost or bool(lost)
    return problems, any_lost


def _nodes(state: Path | None) -> list[Path]:
    """State of the nodes that are meant."""
    nodes = config.state_folder() / "nodes"
    return [state] if state is not None else sorted(nodes.iterdir()) if nodes.is_dir() else []


def _brought(state: Path) -> dict[str, Any] | None:
    """The Ganglion that a release has brought to a node; None where it runs by the installed one."""
    known = Folder(state / "release").load()
    try:
        pointer = pointed(state / "release" / known.runs) if known.runs else INSTALLED
        wrong = Trees.of(state).wrong(pointer.id) if pointer.id else ""
    except (OSError, ValueError) as error:
        return {"node": str(state), "wheel": None, "trial": known.trial is not None, "wrong": str(error)}
    if not pointer.id:
        return None
    wrong = f"the Ganglion of its release is not whole: {wrong}" if wrong else ""
    return {"node": str(state), "wheel": pointer.id, "trial": known.trial is not None, "wrong": wrong}


def _devices(kind: device.Kind) -> dict[str, Any]:
    """What this machine has of a kind, what of it this user may not open, and what to do about either."""
    found = device.found(kind)
    denied = [path for path in found if not device.is_open_to_us(path, kind)]
    remedy = device.forbidden(str(denied[0]), kind) if denied else "" if found else kind.remedy
    return {"kind": kind.name, "found": [*map(str, found)], "denied": [*map(str, denied)], "remedy": remedy}


def _text(data: dict[str, Any]) -> str:
    head = f"ganglion {data['version']}, {data['backend']} bus, Python {data['python']}, {data['platform']}"
    rows = [(extra, "yes" if there else _lacks(extra)) for extra, there in data["extras"].items()]
    sources = [
        (
            source["name"],
            f"yes: of {source['addresses']} addresses"
            if source["available"]
            else f"no: {source['why']}; {source['remedy']}",
        )
        for source in data["link_quality"]
    ]
    devices = [
        (each["kind"], each["remedy"] if each["denied"] else f"yes: {', '.join(each['found'])}")
        if each["found"]
        else (each["kind"], f"no: {each['remedy']}")
        for each in data["devices"]
    ]
    lines = [f"{problem['what']}\n  {problem['remedy']}" for problem in data["problems"]] or ["nothing is wrong"]
    tables = [
        table(["extra", "installed"], rows),
        table(["device", "there"], devices),
        table(["link quality", "measured"], sources),
    ]
    head += "".join(
        f"\n{each['node']} runs Ganglion by the wheel {each['wheel'][:12]} of its release"
        + (", on trial" if each["trial"] else "")
        for each in data["brought"]
        if each["wheel"]
    )
    return "\n\n".join([head, *tables, "\n".join(lines)])
