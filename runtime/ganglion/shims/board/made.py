# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the board that a configuration describes."""

import importlib
import time
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from ganglion import sim
from ganglion.errors import InvalidError
from ganglion.settings import nearest
from ganglion.shims.bluetooth.described import described
from ganglion.shims.board.board import Board
from ganglion.shims.board.registers import Registers
from ganglion.shims.board.sim import SimBoard
from ganglion.shims.settings import Settings, chips, load, peripherals
from ganglion.sim.device import Peripheral


def made(kind: str | None, path: Path | None) -> Board:
    """The board of a file, or of a kind without one; simulated where nothing is said.

    Raises:
        NotFoundError, InvalidError: the file is missing or wrong.
    """
    settings = Settings(board=kind or "sim") if path is None else load(path, kind)
    if settings.board == "linux":
        from ganglion.shims.board.linux import LinuxBoard

        return LinuxBoard(settings)
    return _simulated(settings, "the configuration" if path is None else str(path))


def _simulated(settings: Settings, where: str) -> SimBoard:
    board = SimBoard()
    for first, second in settings.wires:
        board.connect(first, second)
    for i, chip in enumerate(chips(settings, where)):
        place = f"{where}: chip[{i}]"
        model = _model(chip.model, place)
        try:
            board.attach(model, chip.address, -1 if chip.bus == "soft" else chip.bus)
        except ValueError as error:
            raise InvalidError(str(error), where=place) from error
    board.networks |= {name: str(password) for name, password in settings.networks.items()}
    for i, (said, characteristics) in enumerate(peripherals(settings, where)):
        try:
            board.peripherals[said.name] = described(board.ether, said, characteristics)
        except ValueError as error:
            raise InvalidError(str(error), where=f"{where}: peripheral[{i}]") from error
    return board


def _model(name: str, where: str) -> Any:
    if name == "registers":
        return Registers()
    if name not in (models := _models()):
        known = [*models, "registers"]
        raise InvalidError(f"there is no model of a chip {name!r}{nearest(name, known)}", where=f"{where}.model")
    return models[name](now=time.monotonic_ns)


def _models() -> dict[str, Any]:
    """Those of `ganglion.sim` that answer on I2C."""
    modules = {each.name: importlib.import_module(f"{sim.__name__}.{each.name}") for each in iter_modules(sim.__path__)}
    made = {name: getattr(module, "ChipModel", None) for name, module in modules.items()}
    return {name: model for name, model in made.items() if model and issubclass(model, Peripheral)}
