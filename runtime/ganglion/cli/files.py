# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists, puts, gets, shows and removes files of a device with MicroPython, over its serial port."""

import argparse
import base64
import dataclasses
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from ganglion import extras
from ganglion.cli import gateway_flags, lent
from ganglion.cli.result import Result, table, write
from ganglion.cli.show import bytes_done
from ganglion.device.content import DamagedError
from ganglion.device.files import PART, Entry, Files, Written
from ganglion.device.port import BAUD
from ganglion.device.session import Session
from ganglion.errors import GanglionError, InvalidError, NotFoundError, UsageError

_STOPPED = "what ran on the device is stopped: its reset button or --restart starts it again"


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion files PORT ls|put|get|rm|cat …`."""
    parser.add_argument(
        "port",
        metavar="PORT",
        help="as /dev/ttyUSB0; socket://HOST:PORT, rfc2217://HOST:PORT; or NODE:NAME, a port that a node lends",
    )
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")

    def verb(name: str, line: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, parents=[common], help=line)
        made.add_argument(
            "--baud", type=int, metavar="N", help=f"bits a second, {BAUD} or what the node says if not given"
        )
        made.add_argument("--restart", action="store_true", help="at the end, start boot.py and main.py again")
        gateway_flags.arguments(made)
        return made

    listed = verb("ls", "what a folder has")
    listed.add_argument("folder", nargs="?", default="", metavar="FOLDER", help="else the one that the device is in")
    put = verb("put", "write files; one that is there already, the same, is not written again")
    put.add_argument(
        "files", nargs="+", metavar="FILE", help="of this machine; a folder with all it has, FOLDER/. what is in it"
    )
    put.add_argument("--to", default="", metavar="PATH", help="a name on the device, or with / at its end a folder")
    get = verb("get", "read a file and keep it here; one that is here already, the same, is not read again")
    get.add_argument("path", metavar="PATH", help="on the device")
    get.add_argument("--to", type=Path, metavar="FILE", help="its name here, if not the same")
    removed = verb("rm", "remove files and empty folders")
    removed.add_argument("paths", nargs="+", metavar="PATH", help="on the device")
    removed.add_argument("-r", dest="tree", action="store_true", help="a folder with all that it has")
    shown = verb("cat", "show a file")
    shown.add_argument("path", metavar="PATH", help="on the device")


def run(args: argparse.Namespace) -> Result | None:
    """Exit codes: 0 ok, 1 no room or a bad line, 3 no port or file, 4 in use or no permission, 5 no answer."""
    if args.baud is not None and args.baud < 1:
        raise UsageError(f"--baud {args.baud}: at least 1")
    extras.need("`ganglion files`", "serial", "serial")
    wanted = list(_wanted(args.files, args.to)) if args.verb == "put" else []
    with ExitStack() as stack:
        opened, baud = lent.way(args, args.port, stack)
        session = stack.enter_context(Session(opened(args.port, baud=baud), restart=args.restart))
        files = Files(session)
        match args.verb:
            case "ls":
                return _listed(files.listing(args.folder))
            case "put":
                return _put(files, wanted, restarted=args.restart)
            case "get":
                return _got(files, args.path, args.to)
            case "rm":
                for path in args.paths:
                    files.remove(path, tree=args.tree)
                return Result(data={"removed": args.paths}, text=lambda: f"removed {', '.join(args.paths)}")
            case _:
                return _shown(files, args)


def _wanted(named: list[str], to: str) -> Iterator[tuple[Path, str]]:
    """Each file that is to be written, with its path on the device.

    Raises:
        InvalidError: several are to have one name.
        NotFoundError: there is no such file.
    """
    sources = [Path(name) for name in named]
    folder = to if to.endswith("/") or not to else None
    if folder is None and (len(sources) > 1 or sources[0].is_dir()):
        raise InvalidError(f"is one name for several files: {to}/ would be a folder", where=f"--to {to}")
    for name, source in zip(named, sources, strict=True):
        if source.is_dir():
            # As cp has it, FOLDER/. is what is in it
            inside = f"{folder}{source.name}/" if source.name and not name.endswith("/.") else folder
            for path in sorted(source.rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    yield path, f"{inside}{path.relative_to(source).as_posix()}"
        elif source.is_file():
            yield source, to if folder is None else folder + source.name
        else:
            raise NotFoundError(f"there is no file {source} on this machine")


def _listed(entries: list[Entry]) -> Result:
    def text() -> str:
        rows = [("" if entry.is_folder else entry.size, entry.name + "/" * entry.is_folder) for entry in entries]
        return table(["bytes", "name"], rows) if rows else "nothing"

    return Result(data={"entries": [dataclasses.asdict(entry) for entry in entries]}, text=text)


def _put(files: Files, wanted: list[tuple[Path, str]], *, restarted: bool) -> Result:
    begun = time.monotonic()
    written = [files.write(to, source.read_bytes(), bytes_done(to)) for source, to in wanted]
    seconds = time.monotonic() - begun
    sent = sum(each.sent for each in written)
    data = {"files": [dataclasses.asdict(each) for each in written], "sent": sent, "seconds": round(seconds, 3)}

    def text() -> str:
        rate = f"{sent} bytes sent, {sent / seconds:.0f} a second" if sent else "nothing to send: all is there"
        return "\n".join([*map(_line, written), rate, *([] if restarted else [_STOPPED])])

    return Result(data=data, text=text)


def _line(written: Written) -> str:
    how = _called(written.checked)
    if not written.sent and written.size:
        return f"{written.path}  is there already, by its {how}"
    resumed = f", the last {written.sent} of them now" if written.sent < written.size else ""
    return f"{written.path}  {written.size} bytes{resumed}, read back by its {how}"


def _called(checksum: str) -> str:
    return checksum if checksum == "content" else checksum.upper().replace("SHA", "SHA-")


def _got(files: Files, path: str, to: Path | None) -> Result:
    """What a break leaves is beside the file, under its name and `.part`; the next `get` goes on where it ends."""
    target = to or Path(path.rpartition("/")[2])
    if not target.parent.is_dir():
        raise NotFoundError(f"--to {target}: there is no folder {target.parent} on this machine: make it first")
    part = target.with_name(target.name + PART)
    if target.exists() and not target.is_file():  # such as /dev/null, beside which nothing is kept
        return _kept(files, path, target, files.read(path, bytes_done(path)))
    if target.is_file() and files.begins(path, data := target.read_bytes()) == len(data):
        return _kept(files, path, target, data, known=len(data))
    begun = part.read_bytes() if part.is_file() else b""
    if files.begins(path, begun) is None:
        begun = b""
    try:
        with part.open("wb", buffering=0) as kept:
            kept.write(begun)
            data = files.read(path, bytes_done(path), begun=begun, each=kept.write)
    except DamagedError:
        part.unlink()
        raise
    except GanglionError:  # some of them are OSErrors, too
        raise
    except OSError as error:
        raise InvalidError(f"cannot be written: {error.strerror}", where=str(part)) from None
    done = _kept(files, path, target, data, known=len(begun))
    part.unlink()
    return done


def _kept(files: Files, path: str, target: Path, data: bytes, *, known: int = 0) -> Result:
    """Has the file be here; `known` bytes of it were."""
    received = len(data) - known
    said = {"path": path, "file": str(target), "size": len(data), "received": received}
    if known and not received:
        there = f"{target}  is there already, by its {_called(files.can.checksum)}\n{_STOPPED}"
        return Result(data=said, text=lambda: there)
    write(target, data)
    resumed = f", the last {received} of them now" if known else ""
    return Result(data=said, text=lambda: f"{target}  {len(data)} bytes{resumed}\n{_STOPPED}")


def _shown(files: Files, args: argparse.Namespace) -> Result | None:
    data = files.read(args.path)
    if not args.json:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return None
    try:
        content = {"text": data.decode()}
    except UnicodeDecodeError:
        content = {"base64": base64.b64encode(data).decode()}
    return Result(data={"path": args.path, "size": len(data), **content}, text=str)
