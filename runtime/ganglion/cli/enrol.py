# SPDX-License-Identifier: GPL-3.0-or-later
"""Has this device taken into a mesh, once: by an enrol key, or by an operator who compares its fingerprint."""

import argparse
import asyncio
import os
import re
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganglion import config
from ganglion.cli import option
from ganglion.cli.result import Result
from ganglion.errors import InvalidError, NotFoundError, RefusedError, UnreachableError, UsageError, unread
from ganglion.mesh.client import MeshClient
from ganglion.mesh.identity import fingerprint
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion.mesh.statistics import MeshStatistics
from ganglion.mesh.trust_store import mesh_pin
from ganglion.mqtt.url import addresses
from ganglion.units import SECOND
from ganglion_micro import gl1

#: Seconds between looks at how it stands.
_LOOK = 0.05


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The options of `ganglion enrol`."""
    by = parser.add_mutually_exclusive_group(required=True)
    by.add_argument("--key-file", type=Path, metavar="FILE", help="holds the key of `ganglion enrol-key create`")
    by.add_argument("--code", metavar="PICTURE", help="shows that key as a QR code; or v4l2:/dev/video0, a camera")
    by.add_argument(
        "--mesh", metavar="ID", help="the mesh, as `ganglion devices pending` names it; an operator approves"
    )
    parser.add_argument(
        "--root", metavar="LETTERS", help="26 letters of the mesh's root key, to be surer than by its id"
    )
    parser.add_argument(
        "--broker",
        default=os.environ.get("GANGLION_BROKER"),
        metavar="URL",
        help="mqtt:// or mqtts://; GANGLION_BROKER keeps a password out of the list of processes",
    )
    parser.add_argument("--name", metavar="NAME", help="what the device wants to be called; default: its host's name")
    parser.add_argument(
        "--state", type=Path, help="its state folder; default: that of `ganglion node run` for this name"
    )
    parser.add_argument("--wait", default="1h", metavar="TIME", help="how long to wait; default: 1h")


def run(args: argparse.Namespace) -> Result:
    """Exit codes: 0 it is a member, 3 no such file, 4 the mesh refuses it, 5 nobody decided in time."""
    if not args.broker:
        raise UsageError("say where the mesh is: --broker mqtt://host, or GANGLION_BROKER")
    if args.root is not None and not re.fullmatch("[a-z2-7]{26}", args.root):
        raise UsageError(f"--root {args.root}: 26 letters of base32, as `ganglion devices pending --json` has them")
    if args.mesh is not None:
        mesh_pin(args.mesh, "--mesh")
    wait = option.duration(args.wait, "--wait")
    with option.usage("--broker"):
        addresses(args.broker)
    name = args.name or re.sub("[^A-Za-z0-9_-]", "-", socket.gethostname())[:40] or "node"
    state = args.state or config.state_folder() / "nodes" / name
    return asyncio.run(_enrol(args, name, state, wait / SECOND))


async def _enrol(args: argparse.Namespace, name: str, state: Path, wait: float) -> Result:
    key = _key(args)
    client = MeshClient(
        transport=MqttTransport(args.broker),
        state=state,
        name=name,
        enrol_key=key,
        mesh=args.mesh,
        root=gl1.from_base32(args.root) if args.root else b"",
        heartbeat=0,
    )
    node = client.identity.node_id
    life = asyncio.create_task(client.run())
    try:
        async with asyncio.timeout(wait):
            await _joined(client, life)
    except TimeoutError:
        raise UnreachableError(_late(client.statistics(), client.mesh, node, wait)) from None
    finally:
        life.cancel()
        with suppress(asyncio.CancelledError):
            await life
    held = client.credential
    assert held is not None
    data: dict[str, Any] = {
        "node": node,
        "fingerprint": fingerprint(node),
        "mesh": client.mesh,
        "name": held.name,
        "tags": list(held.tags),
        "expires": held.expires,
        "state": str(state),
    }
    return Result(data=data, text=lambda: _next(data))


async def _joined(client: MeshClient, life: "asyncio.Task[None]") -> None:
    """Returns when the device is a member; says once that it waits.

    Raises:
        RefusedError: the mesh does not take it.
    """
    said = False
    while not (told := client.statistics()).enrolled:
        if life.done():
            await life
        if told.refusal:
            raise RefusedError(told.refusal)
        if told.pending and not said:
            said = True
            shown = fingerprint(client.identity.node_id)
            print(
                f"this device waits to be let in; its fingerprint is {shown}\n"
                f"compare it there and run: ganglion devices approve {shown}",
                file=sys.stderr,
                flush=True,
            )
        await asyncio.sleep(_LOOK)


def _late(told: MeshStatistics, mesh: str, node: str, wait: float) -> str:
    if told.pending:
        return f"nobody has approved {fingerprint(node)} within {wait:g} s: run this again, it goes on waiting"
    if not told.connected:
        return f"the broker did not answer within {wait:g} s: see that --broker is right"
    return f"no gateway of the mesh {mesh} was heard within {wait:g} s: see that it runs, and on this broker"


def _next(data: dict[str, Any]) -> str:
    return (
        f"{data['name']} ({data['node']}) is a member of the mesh {data['mesh']}\n"
        f"next: ganglion node run node.toml --state {data['state']}"
    )


def _key(args: argparse.Namespace) -> str | None:
    path: Path | None = args.key_file
    if args.code is not None:
        from ganglion.cli import code

        return code.read(args.code)
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist: write the key of `ganglion enrol-key create` there") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(unread(error), where=str(path)) from None
