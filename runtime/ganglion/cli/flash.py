# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a board to where it runs: looks what is there, says what it will do, does it, and sees the board come."""

import argparse
import getpass
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from ganglion.board import Board, board, load
from ganglion.cli import enrol_file, flash_board_mesh, flash_host_flags, gateway_flags, option
from ganglion.cli.flash_report import Shown
from ganglion.cli.result import Result
from ganglion.console.terminal import ended_by_signals
from ganglion.device.port import BAUD
from ganglion.errors import GanglionError, UsageError
from ganglion.extras import is_installed, remedy
from ganglion.flash import agent_config, drive, identity, image
from ganglion.flash.agent_config import Changes
from ganglion.flash.host.plan import FAMILIES
from ganglion.flash.run import Flash, Order, waits_for
from ganglion.units import SECOND
from ganglion_micro import gl1

#: For whom the password of the Wi-Fi is not to be asked.
PASSWORD = "GANGLION_WIFI_PASSWORD"  # noqa: S105 - its name
#: Options of a board, and of a machine with Linux, and what they are where they are not given.
_OF_BOARDS = {
    "--port": "",
    "--baud": BAUD,
    "--loader-baud": None,
    "--firmware": None,
    "--drive": None,
    "--image-only": False,
    "--config": None,
    "--wifi": "",
    "--parent": "",
    "--state": None,
    "--leaf-key": None,
}
_OF_HOSTS = {"--package": None, "--identity": None, "--host-key": None}


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion flash BOARD …`."""
    parser.add_argument(
        "board", metavar="BOARD", help="as `ganglion boards list` shows it, or a file that ends in .toml; pi, openwrt"
    )
    parser.add_argument("--port", default="", metavar="PORT", help="default: the only one that may be this board")
    parser.add_argument(
        "--baud", type=int, default=BAUD, metavar="N", help="of MicroPython's console; default: %(default)s"
    )
    parser.add_argument(
        "--loader-baud", type=int, metavar="N", help="of an ESP's boot loader; default: that which its board takes"
    )
    parser.add_argument("--firmware", type=Path, metavar="IMAGE", help="MicroPython's image, which you have fetched")
    parser.add_argument("--drive", type=Path, metavar="DIR", help="where the board's drive is mounted")
    parser.add_argument("--image-only", action="store_true", help="no agent, no configuration, no key")
    parser.add_argument("--config", type=Path, metavar="FILE", help="its agent.json; default: that which it has")
    parser.add_argument("--name", metavar="NAME", help="what it is called")
    parser.add_argument(
        "--wifi", default="", metavar="SSID", help=f"its Wi-Fi; the password is asked for, or in {PASSWORD}"
    )
    parser.add_argument("--parent", default="", metavar="HOST[:PORT]", help="where its parent hears it")
    parser.add_argument(
        "--state", type=Path, metavar="DIR", help="its parent's state folder, where that is on this machine"
    )
    parser.add_argument("--leaf-key", type=Path, metavar="FILE", help="what `ganglion leaf add` has printed elsewhere")
    parser.add_argument("--dry-run", action="store_true", help="look, and say what would be done")
    gateway_flags.arguments(parser)
    flash_host_flags.arguments(parser)


def run(args: argparse.Namespace) -> Result | int | None:
    """Exit codes: 0 done, 1 it did not work, 2 usage, 3 no such board, port, drive or file, 4 refused, 5 no answer."""
    if not is_installed("flash"):
        raise UsageError(f"boards are flashed by more than is installed: {remedy('flash')}")
    if args.host:
        from ganglion.cli import flash_host

        if wrong := _given(args, _OF_BOARDS):
            raise UsageError(f"{wrong}: for a board at this machine, and --host is another machine with Linux")
        return flash_host.run(args)
    order = _order(args)
    wait = option.duration(args.wait or "2m", "--wait") / SECOND
    shown = Shown(as_json=args.json)
    flash = Flash(order, shown)
    seen = _seen(args, flash)
    with ended_by_signals():  # what runs on the board is started again, as at Ctrl-C
        flash.run()
    born = None
    if order.agent and not order.dry and seen is not None:
        shown({"event": "waits", "text": f"for {flash.name} to come to the mesh"})
        waits_for(seen, flash.name, wait)
        born = True
    shown.end(_end(order, flash, born), order=order, name=flash.name, born=born)
    return 0


def _end(order: Order, flash: Flash, born: bool | None) -> str:
    wrote = any(step.does == "write" for step in flash.steps)
    if order.dry:
        return "this is what would be done; nothing was written" if wrote else "all is there; there is nothing to write"
    if born:
        return f"{flash.name} has come to the mesh"
    if order.agent:
        return (
            f"{flash.name} starts; look for it on its parent: `ganglion leaf list` there counts one start more, and "
            "`ganglion devices list` has it"
        )
    return "the image is there"


def _order(args: argparse.Namespace) -> Order:
    found = _board(args.board)
    agent = not args.image_only and found.mesh != "none"
    if wrong := _given(args, _OF_HOSTS):
        raise UsageError(f"{wrong}: for machines with Linux, which --host names")
    if not agent and args.firmware is None:
        raise UsageError(f"{found.name} takes an image and no agent: name its file with --firmware")
    if args.state and args.leaf_key:
        raise UsageError("--state and --leaf-key both say where the key is: leave one out")
    if args.parent and args.broker:
        raise UsageError("--parent makes it a leaf, --broker a full member of the mesh: leave one out")
    if args.name and agent and not gl1.level(args.name):
        raise UsageError(f"--name {args.name!r}: 1 to 32 of a-z A-Z 0-9 _ -")
    if args.baud < 1:
        raise UsageError(f"--baud {args.baud}: at least 1")
    if args.loader_baud is not None and args.loader_baud < 9600:
        raise UsageError(f"--loader-baud {args.loader_baud}: at least 9600")
    password = ""
    if args.wifi and agent:
        password = os.environ.get(PASSWORD) or _asked(args.wifi)
    broker, account = flash_board_mesh.broker(args.broker or "")
    host, _, port = args.parent.partition(":")
    if port and not (port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 65536):
        raise UsageError(f"--parent {args.parent}: write HOST or HOST:PORT")
    config = agent_config.from_file(args.config) if args.config and agent else None
    changes = Changes(
        name=args.name or "",
        ssid=args.wifi,
        password=password,
        host=host,
        port=int(port) if port else agent_config.PORT,
        broker=broker,
    )
    if config is not None:  # what is wrong with it is said before a board is looked for
        agent_config.merged(config, changes, found, str(args.config))
    return Order(
        board=found,
        image=None if args.firmware is None else image.read(args.firmware, found),
        port=args.port,
        folder=args.drive,
        baud=args.baud,
        loader_baud=args.loader_baud,
        agent=agent,
        config=config,
        changes=changes,
        state=args.state,
        key=args.leaf_key,
        enrol=enrol_file.read(args.enrol_key) if args.enrol_key else "",
        make=_maker(args),
        account=account,
        dry=args.dry_run,
        patience=option.duration(args.wait, "--wait") / SECOND if args.wait else drive.WITHIN,
    )


def _given(args: argparse.Namespace, options: Mapping[str, object]) -> str:
    """Those of the options that the line has."""
    names = {option: option.removeprefix("--").replace("-", "_") for option in options}
    return ", ".join(option for option, name in names.items() if getattr(args, name) != options[option])


def _board(name: str) -> Board:
    if name in FAMILIES:
        raise UsageError(f"{name} is reached by SSH: name the machine with --host")
    found = load(Path(name)) if name.endswith(".toml") else board(name)
    if found.flashing.method == "ssh":
        raise UsageError(f"{found.name} is reached by SSH: name the machine with --host")
    if found.runs != "micropython":
        raise UsageError(f"{found.name} runs no MicroPython: there is nothing to flash")
    return found


def _asked(ssid: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError(f"the password of {ssid} is to be in {PASSWORD}, as there is nobody to ask")
    return getpass.getpass(f"Password of {ssid}: ")


def _seen(args: argparse.Namespace, flash: Flash) -> Callable[[], bool] | None:
    """How the board is seen to have come: by its parent's folder, or by the gateway; None where nobody can tell."""
    if args.state is not None:
        state: Path = args.state
        return lambda: identity.boots(state, flash.name) > flash.boots
    if not (args.gateway or os.environ.get("GANGLION_GATEWAY")):
        return None
    from ganglion.cli import gateway_client
    from ganglion.client.operations import fleet

    gateway = gateway_client.find(args)

    def is_born() -> bool:
        """Whether the gateway has it in a start that was not yet before."""
        nodes = gateway.pages(fleet.get_nodes(), "nodes")
        return any(node["name"] == flash.name and node["online"] and node["epoch"] > flash.started for node in nodes)

    def answers() -> bool:
        """Whether it answers, by way of a parent, in a start that was not yet before."""
        nodes = gateway.pages(fleet.get_nodes(), "nodes")
        parents = [node["name"] for node in nodes if any(leaf["name"] == flash.name for leaf in node["leaves"])]
        for parent in parents:
            try:
                said = gateway.command(parent, "leaf.call", {"leaf": flash.name, "method": "status", "params": {}})
            except GanglionError:
                continue  # it does not answer yet
            if said["result"].get("boot", 0) > flash.started:
                return True
        return False

    return lambda: is_born() if flash.is_full else answers()


def _maker(args: argparse.Namespace) -> Callable[[str], str] | None:
    """What has the gateway make an enrol key; None where none is named."""
    if not (args.gateway or os.environ.get("GANGLION_GATEWAY")):
        return None
    from ganglion.cli import gateway_client

    return lambda name: enrol_file.made(gateway_client.find(args), name)
