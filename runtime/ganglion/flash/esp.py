# SPDX-License-Identifier: GPL-3.0-or-later
"""An image into the flash of Espressif's chips, by esptool as a library.

The flash is compared piece by piece by the MD5 that the chip makes of it. Only what differs is written, and compared
again, so that a run after a break writes what is missing.
"""

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ganglion import extras
from ganglion.board.model import Board
from ganglion.device.port import BAUD, Port, open_port
from ganglion.errors import GanglionError, InvalidError, UnreachableError, UsageError
from ganglion.flash.plan import Piece, Report, to_write

if TYPE_CHECKING:
    from esptool.loader import ESPLoader

#: Attempts to find the boot loader; each has five of its own.
_ATTEMPTS = 3
#: How often a piece that does not read back as it was sent is written.
_TRIES = 2
#: Seconds that the chip may take for a block, of which the last may come after an erase.
BLOCK = 10.0


class Chip:
    """A chip whose boot loader answers. Made by `connected`."""

    def __init__(self, loader: "ESPLoader", port: Port, board: Board) -> None:
        self._loader = loader
        self._port = port
        self._board = board
        self._resets = port.has_control_lines

    def missing(self, wanted: Sequence[Piece], report: Report) -> list[Piece]:
        """The pieces that the flash does not have; see `to_write`.

        Raises:
            InvalidError: the flash is too small for them.
            UnreachableError: the chip does not answer.
        """
        with _explained(self._port.name, self._board):
            self._fits(wanted)
            done = 0

            def same(piece: Piece) -> bool:
                nonlocal done
                done += 1
                report({"event": "progress", "what": "compared", "done": done, "total": len(wanted)})
                return self._md5(piece) == piece.md5

            return to_write(wanted, same)

    def write(self, wanted: Sequence[Piece], report: Report) -> None:
        """Writes pieces, each read back by its MD5.

        Raises:
            GanglionError: a piece does not stay as it was written.
            UnreachableError: the chip does not answer any more; what was written stays.
        """
        total, done = sum(len(piece.data) for piece in wanted), 0
        for piece in wanted:
            with _explained(self._port.name, self._board, begun=True):
                for _ in range(_TRIES):
                    self._put(piece, lambda now, before=done: report(_far(before + now, total)))  # type: ignore[misc]
                    if self._md5(piece) == piece.md5:
                        break
                else:
                    raise GanglionError(
                        f"the flash at 0x{piece.address:x} does not read back as it was written: try another cable and "
                        "less power on its pins; if it stays so, the flash is worn out"
                    )
            done += len(piece.data)

    def leave(self, report: Report) -> None:
        """Starts what is in the flash, or asks for the reset button where the port has no line for that."""
        from esptool.cmds import reset_chip

        if self._resets:
            with _explained(self._port.name, self._board):
                reset_chip(self._loader, self._board.flashing.after)
        else:
            report({"event": "ask", "text": "press the board's reset button"})

    def _md5(self, piece: Piece) -> str:
        return str(self._loader.flash_md5sum(piece.address, len(piece.data)))

    def _fits(self, wanted: Sequence[Piece]) -> None:
        from esptool.cmds import detect_flash_size
        from esptool.util import flash_size_bytes

        size = flash_size_bytes(detect_flash_size(self._loader))
        if size is None:
            raise GanglionError(
                "the chip does not see its flash: take off what hangs on the board's pins and try again"
            )
        if wanted and wanted[-1].end > size:
            raise InvalidError(
                f"ends at 0x{wanted[-1].end:x}, and this flash has 0x{size:x} bytes: take a smaller image",
                where="image",
            )
        self._loader.flash_set_parameters(size)

    def _put(self, piece: Piece, far: Callable[[int], None]) -> None:
        loader = self._loader
        packed = zlib.compress(piece.data, 9)
        loader.flash_defl_begin(len(piece.data), len(packed), piece.address)
        step = loader.FLASH_WRITE_SIZE
        for sequence, at in enumerate(range(0, len(packed), step)):
            loader.flash_defl_block(packed[at : at + step], sequence, timeout=BLOCK)
            far(min(at + step, len(packed)) * len(piece.data) // len(packed))
        loader.flash_defl_finish(reboot=False)


def _far(done: int, total: int) -> dict[str, Any]:
    return {"event": "progress", "what": "written", "done": done, "total": total}


@contextmanager
def connected(port: str, board: Board, *, baud: int | None = None) -> Iterator[Chip]:
    """The chip on a port, with esptool's stub running there.

    Args:
        baud: Bits a second, for who has a long cable; None for those of the board.

    Raises:
        UsageError: esptool is not installed.
        InvalidError: the chip is not that of the board.
        UnreachableError: no boot loader answers.
        GanglionError: the port cannot be had; see `open_port`.
    """
    try:
        from esptool.cmds import attach_flash, run_stub
        from esptool.logger import log
        from esptool.targets import CHIP_DEFS
    except ImportError:
        raise UsageError(f"these boards are flashed by esptool: {extras.remedy('flash', 'esptool')}") from None
    log.set_verbosity("silent")
    with open_port(port) as line:
        with _explained(port, board):
            loader = CHIP_DEFS[board.flashing.chip](line.serial, BAUD)
            loader.USES_RFC2217 = port.startswith("rfc2217:")
            loader.connect(board.flashing.before if line.has_control_lines else "no-reset", _ATTEMPTS, warnings=False)
            loader = run_stub(loader)
            if (fast := baud or board.flashing.baud) and fast != BAUD and not port.startswith("socket:"):
                loader.change_baud(fast)
            attach_flash(loader)
        yield Chip(loader, line, board)


@contextmanager
def _explained(port: str, board: Board, *, begun: bool = False) -> Iterator[None]:
    """What esptool says, with what to do about it."""
    from esptool.util import FatalError

    again = "the same command goes on where this ended" if begun else "try once more"
    try:
        yield
    except GanglionError:
        raise
    except FatalError as error:
        said = str(error).partition("\n")[0]
        if other := re.match(r"This chip is (.+), not (.+?)\.", said):
            raise InvalidError(
                f"the chip is an {other[1]}, and {board.name} has an {other[2]}: `ganglion boards list` has others",
                where=port,
            ) from None
        if said.startswith("Failed to connect"):
            raise UnreachableError(
                f"no boot loader answers on {port}: {board.flashing.by_hand}, and try once more"
            ) from None
        raise UnreachableError(
            f"{port}: {said.rstrip('.')}: try another cable or less --loader-baud, {board.flashing.by_hand}; {again}"
        ) from None
    except OSError as error:  # pyserial's are of this kind
        raise UnreachableError(f"{port} is gone ({error}): put the cable back; {again}") from None
