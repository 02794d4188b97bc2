# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures what Ganglion costs, beside its peers in the same run.

A goal that is missed is said and is no failure; a contestant that loses an event is one.
"""

import argparse
import os
import platform
import signal
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from typing import Any, cast

from ganglion import __version__
from ganglion.cli.result import Result, table
from ganglion.errors import UsageError
from ganglion_tools.bench.figure import Figure

BENCHES = {
    "bus": "an event through the bus, native and in Python, beside pyee, blinker and paho's matcher",
    "mova": "scripts: read, check, run, remember, beside json, PyYAML, fastjsonschema and asteval",
    "mesh": "signed frames, commands, known peers, a cut link, beside cbor2, PyNaCl and aiomqtt",
    "sensing": "sound and pictures: what they take, how well they are understood, what sensors weigh",
    "device": "boards: files beside mpremote, an edit until it runs, an update with loss, scripts on MicroPython",
    "gateway": "events of 1,000 nodes, webhooks, WebSocket clients, memory, the dashboard, a bad release, in parts",
    "path": "MQTT in, a rule, MQTT out, beside Node-RED and a plain paho script",
}

#: Of `ganglion bench gateway`.
PARTS = ("events", "webhooks", "sockets", "memory", "dashboard", "rollout")


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The options of `ganglion bench`."""
    names = parser.add_subparsers(required=True, metavar="<name>", dest="name")
    for name, line in BENCHES.items():
        bench = names.add_parser(name, help=line, parents=[common])
        if name == "gateway":
            bench.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all by default")
            bench.add_argument("--seconds", type=float, default=30.0, help="for which events are sent; default: 30")


def run(args: argparse.Namespace) -> Result:
    """Measures one thing. SIGTERM ends it as Ctrl-C does, with nothing left behind."""
    if args.name == "gateway" and (unknown := [part for part in args.parts if part not in PARTS]):
        raise UsageError(f"bench gateway: there is no part {unknown[0]!r}: take some of {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    figures = cast(Callable[..., list[Figure]], import_module(f"ganglion_tools.bench.{args.name}").figures)
    if args.name == "gateway":
        return result(args.name, figures(args.parts or PARTS, seconds=args.seconds))
    return result(args.name, figures())


def result(name: str, figures: list[Figure]) -> Result:
    """A document of figures."""
    data: dict[str, Any] = {
        "bench": name,
        "version": __version__,
        "machine": machine(),
        "figures": [asdict(each) for each in figures],
    }
    return Result(data=data, text=lambda: _text(figures))


def machine() -> str:
    """What the figures were measured on."""
    model = ""
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    system = f"Linux {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} x {model or platform.machine()}, {system}"


def _text(figures: list[Figure]) -> str:
    rows = [
        (
            each.name,
            f"{_number(each.value)} {each.unit}",
            each.peer or "",
            _peer(each),
            "" if each.ratio is None else f"{each.ratio:.2f} x",
            "" if each.goal is None else f"{each.goal:g}{' x' if each.peer else ''}",
            {True: "met", False: "missed", None: ""}[each.met],
        )
        for each in figures
    ]
    shown = table(["figure", "ganglion", "beside", "there", "ratio", "goal", ""], rows)
    missing = any(each.peer and each.peer_value is None for each in figures)
    return f"{shown}\n\nPeers in Python come with: pip install 'ganglion[bench]'" if missing else shown


def _peer(figure: Figure) -> str:
    if figure.peer is None:
        return ""
    return "not installed" if figure.peer_value is None else f"{_number(figure.peer_value)} {figure.unit}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
