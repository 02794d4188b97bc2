# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes releases for nodes, compares them, and has a node run one."""

import argparse
import hashlib
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion.cli import gateway_client, gateway_flags, release_text, release_wheels
from ganglion.cli.gateway_client import GatewayClient
from ganglion.cli.given_file import of_file
from ganglion.cli.result import Result
from ganglion.cli.show import plain
from ganglion.client.call import UNSET
from ganglion.client.operations import releases
from ganglion.errors import NotFoundError, RefusedError, UnreachableError, UsageError

if TYPE_CHECKING:
    from ganglion.client import documents

#: Letters of an id that people see.
_SHORT = 12
#: Seconds between two looks at how far a node is.
_LOOK = 0.5


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion release create|list|show|diff|nodes|assign|status`."""
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    create = verbs.add_parser("create", parents=[common], help="make a release of a folder, or of files")
    create.add_argument(
        "paths",
        nargs="*",
        default=[],
        type=Path,
        metavar="DIR|FILE",
        help="scripts (.yaml, .yml, .json), node.toml over the node's own, limits.toml",
    )
    create.add_argument("--name", required=True, help="what people call it")
    create.add_argument(
        "--requires",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="what a node must have: board=NAME, 'agent=>=0.1', sensor=NAME, actuator=NAME; give it several times",
    )
    create.add_argument(
        "--agent",
        action="append",
        type=Path,
        default=[],
        metavar="WHEEL",
        help="a wheel of Ganglion that nodes are to run then; one for each kind of machine, or agent/*.whl in DIR",
    )
    create.add_argument("--window", default="60s", help="how long it has to prove itself on a node; default: 60s")
    listed = verbs.add_parser("list", parents=[common], help="every release, the newest first")
    show = verbs.add_parser("show", parents=[common], help="what is in a release, and what it needs")
    show.add_argument("release", metavar="RELEASE", help="its id, the first letters of it, or its name")
    diff = verbs.add_parser("diff", parents=[common], help="what is otherwise in another release")
    diff.add_argument("release", metavar="A", help="the one before")
    diff.add_argument("other", metavar="B", help="the one after")
    nodes = verbs.add_parser("nodes", parents=[common], help="which nodes are to run a release, and how far each is")
    nodes.add_argument("release", metavar="RELEASE", help="its id, the first letters of it, or its name")
    assign = verbs.add_parser("assign", parents=[common], help="have a node run a release; again, to try it again")
    assign.add_argument("node", metavar="NODE", help="a node, by name or id")
    assign.add_argument("release", metavar="RELEASE", help="a release; none for the node's own configuration alone")
    assign.add_argument(
        "--wait", metavar="TIME", help="until the node keeps it or not, as in 5m, and say how far it is"
    )
    status = verbs.add_parser("status", parents=[common], help="what a node should run, and what it says of it")
    status.add_argument("node", metavar="NODE", help="a node, by name or id")
    performs = {create: _create, listed: _list, show: _show, diff: _diff, nodes: _nodes, assign: _assign}
    performs[status] = _status
    for verb, perform in performs.items():
        gateway_flags.arguments(verb)
        verb.set_defaults(perform=perform)


def run(args: argparse.Namespace) -> Result:
    """Runs the verb.

    Exit codes: 0 ok; 1 it is no release, or the node did not keep it; 2 wrong usage; 3 no such release or node; 4
    refused; 5 no gateway, or the node was not done in time.
    """
    result: Result = args.perform(args)
    return result


def _create(args: argparse.Namespace) -> Result:
    from ganglion.release import manifest, wheel
    from ganglion.release.requires import read as read_requires
    from ganglion.units import SECOND, duration

    files = _files(args.paths)
    agents = release_wheels.found(args.agent, files)
    if not files and not agents:
        raise UsageError("give a folder or files, or a wheel by --agent")
    window = duration(args.window, where="--window")
    if window % SECOND or window // SECOND not in manifest.WINDOWS:
        least, most = manifest.WINDOWS.start, manifest.WINDOWS.stop - 1
        raise UsageError(f"--window {args.window}: {least}s to {most}s, whole seconds, as in 60s")
    requires = read_requires(_requires(args.requires), where="--requires")
    # What is wrong is said before anything is sent
    if not manifest.is_name(args.name):
        raise UsageError(f"--name {args.name!r}: {manifest.NAMED}")
    manifest.made(args.name, files, requires, window // SECOND, [wheel.read(data, name) for name, data in agents])
    client = gateway_client.find(args)
    listed = []
    for path, data in sorted(files.items()):
        sha256 = hashlib.sha256(data).hexdigest()
        client.ask(releases.put_releases_files_digest(sha256, data))
        listed.append({"path": path, "sha256": sha256})
    wheels = [{"name": name, "pieces": release_wheels.sent(client, data)} for name, data in agents]
    asked = releases.post_releases(
        name=args.name,
        files=listed,
        agent=wheels or UNSET,
        requires=requires.document,
        window=window // SECOND,
    )
    with of_file():  # all but what is in the files was looked at here
        made = client.ask(asked)
    return Result(
        data=made,
        text=lambda: f"{release_text.shown(made)}\nnext: ganglion release assign NODE {made['id'][:_SHORT]}",
    )


def _files(paths: list[Path]) -> dict[str, bytes]:
    """What is in folders, by the path below them, and files by their name."""
    found: dict[str, bytes] = {}
    for given in paths:
        if not given.exists():
            raise NotFoundError(f"{given} does not exist")
        inside = [given] if given.is_file() else sorted(each for each in given.rglob("*") if each.is_file())
        for file in inside:
            name = file.name if file == given else file.relative_to(given).as_posix()
            if any(part.startswith(".") for part in name.split("/")):
                continue
            if name in found:
                raise UsageError(f"{file}: another file is called {name} too: give a folder")
            found[name] = file.read_bytes()
    return found


def _requires(given: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for word in given:
        key, equals, value = word.partition("=")
        if not equals or key not in ("board", "agent", "sensor", "actuator"):
            raise UsageError(f"--requires {word}: write board=NAME, 'agent=>=0.1', sensor=NAME or actuator=NAME")
        if key == "agent":
            found["agent"] = value
        elif key == "board":
            found["board"] = [*found.get("board", []), value]
        else:
            found["capabilities"] = [*found.get("capabilities", []), f"{key}:{value}"]
    return found


def _list(args: argparse.Namespace) -> Result:
    found = list(gateway_client.find(args).pages(releases.get_releases(), "releases"))
    return Result(data={"releases": found}, text=lambda: release_text.listed(found))


def _show(args: argparse.Namespace) -> Result:
    found = _of(gateway_client.find(args), args.release)
    return Result(data=found, text=lambda: release_text.shown(found))


def _of(client: GatewayClient, release: str) -> "documents.Release":
    return client.ask(releases.get_releases_release(release))


def _diff(args: argparse.Namespace) -> Result:
    client = gateway_client.find(args)
    found: Mapping[str, Any] = client.ask(releases.get_releases_release_diff_other(args.release, args.other))

    return Result(data=found, text=lambda: release_text.difference(found))


def _nodes(args: argparse.Namespace) -> Result:
    told = gateway_client.find(args).whole(releases.get_releases_release_nodes(args.release, limit=200), "nodes")
    return Result(data=told, text=lambda: release_text.nodes(told))


def _assign(args: argparse.Namespace) -> Result:
    from ganglion.units import SECOND, duration

    patience = None if args.wait is None else duration(args.wait, where="--wait") / SECOND
    client = gateway_client.find(args)
    release = None if args.release == "none" else _of(client, args.release)
    wanted = None if release is None else release["id"]
    told: Mapping[str, Any] = client.ask(releases.put_nodes_node_release(args.node, release=wanted))
    if patience is not None:
        told = _ended(client, args.node, told, patience)
    state = told["reported"]["state"]
    code = int(state in ("reverted", "failed"))
    return Result(data=told, text=lambda: release_text.standing(told, release), exit_code=code)


def _ended(client: GatewayClient, node: str, told: Mapping[str, Any], patience: float) -> Mapping[str, Any]:
    """What a node says in the end.

    Raises:
        UnreachableError: it says nothing more in time.
    """
    until, desired, said = time.monotonic() + patience, told["desired"], ""
    while (report := told["reported"])["state"] not in ("committed", "reverted", "failed"):
        if told["desired"] != desired:
            raise RefusedError(f"{plain(told['name'])} was assigned something else meanwhile: ganglion release status")
        if report["state"] != said:
            said = report["state"]
            print(release_text.far(said, report["why"]), file=sys.stderr, flush=True)
        if time.monotonic() > until:
            far = release_text.far(said, report["why"])
            raise UnreachableError(
                f"{plain(told['name'])} is not done ({far}): it goes on by itself, and "
                "`ganglion release status` says how far it is"
            )
        time.sleep(_LOOK)
        told = client.ask(releases.get_nodes_node_release(node))
    return told


def _status(args: argparse.Namespace) -> Result:
    client = gateway_client.find(args)
    told = client.ask(releases.get_nodes_node_release(args.node))
    desired = told["desired"]
    release = None if desired is None or desired["release"] is None else _of(client, desired["release"])
    return Result(data=told, text=lambda: release_text.standing(told, release))
