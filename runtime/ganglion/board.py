# SPDX-License-Identifier: GPL-3.0-or-later
"""The boards that are known: one TOML file each, in `boards/` of the repository and beside this module in a wheel."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganglion.settings import read


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """What is known of a board.

    Attributes:
        name: As `node.board` says it.
        title: For people.
        chip: Its processor; `none` for no real one.
        runs: What runs its scripts: `cpython`.
        zig_target: What the C core is built for; empty for none.
        bus: Name of a bus to its device and pins.
        limit: Limits of what hangs on its pins; `ganglion.guardian.restriction` reads them.
    """

    name: str
    title: str
    chip: str
    runs: str
    zig_target: str = ""
    bus: dict[str, Any] = field(default_factory=dict)
    limit: tuple[dict[str, Any], ...] = ()


def boards() -> list[Board]:
    """All boards, by name.

    Raises:
        InvalidError: a file of ours is wrong.
    """
    here = Path(__file__).parent
    folder = next(each for each in (here / "boards", here.parents[1] / "boards") if each.is_dir())
    return [read(Board, tomllib.loads(path.read_text()), path.name) for path in sorted(folder.glob("*.toml"))]
