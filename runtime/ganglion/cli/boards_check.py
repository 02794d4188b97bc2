# SPDX-License-Identifier: GPL-3.0-or-later
"""Says what is wrong with files of boards: each by itself, and beside the boards that come with Ganglion."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ganglion.board.check import Problem, problems
from ganglion.board.findings import findings
from ganglion.board.lines import line_of
from ganglion.board.model import Board
from ganglion.board.reading import boards, folder, names, table_of, text_of
from ganglion.board.words import RUNS
from ganglion.cli.result import Result
from ganglion.cli.show import plain
from ganglion.errors import GanglionError, InvalidError, NotFoundError
from ganglion.settings import nearest, read


def checked(files: Sequence[Path]) -> Result:
    """Exit codes: 0 all are right, 1 one is not, 3 one is not there."""
    known = names()
    # As `show` takes it: a name is that of a board of Ganglion, unless there is such a file
    paths = [folder() / f"{path}.toml" if str(path) in known and not path.exists() else path for path in files] or [
        folder() / f"{name}.toml" for name in known
    ]
    others = boards()
    code = 0
    found: list[dict[str, Any]] = []
    for path in paths:
        try:
            wrong = _file(path, others)
        except NotFoundError as error:
            code = error.exit_code
            wrong = [{"line": None, "key": None, "message": str(error), "text": str(error)}]
        found.append({"file": str(path), "valid": not wrong, "problems": wrong})
    valid = all(each["valid"] for each in found)
    return Result(data={"valid": valid, "files": found}, text=lambda: _text(found), exit_code=code or int(not valid))


def _file(path: Path, others: list[Board]) -> list[dict[str, Any]]:
    try:
        text = text_of(path)
        table = table_of(text, path.name)
    except InvalidError as error:
        return [{"line": None, "key": None, "message": str(error), "text": str(error)}]
    wrong, board = findings(table)
    wrong += [*problems(board, others, [each.key for each in wrong]), *_above(table)]
    if board.name and board.name != path.stem:
        wrong.insert(
            0, Problem("name", f"the file is called {path.name}: call the board {path.stem!r}, or the file so")
        )
    return [_problem(each, text, path.name) for each in wrong]


def _problem(problem: Problem, text: str, file: str) -> dict[str, Any]:
    line = line_of(text, problem.key)
    place = file if line is None else f"{file}:{line}"
    said = f"{place}: {problem.key}: {problem.message}"
    return {"line": line, "key": problem.key, "message": problem.message, "text": said}


def _above(table: dict[str, Any]) -> Iterator[Problem]:
    """What parts above the boards say of their tables: limits, and sensors of kinds that can be read there."""
    from ganglion.guardian.restriction import Restriction

    limits, sensors, runs = table.get("limit"), table.get("sensor"), table.get("runs")
    for i, limit in enumerate(limits if isinstance(limits, list) else ()):
        if not isinstance(limit, dict):
            continue  # which was said
        try:
            read(Restriction, limit, f"limit[{i}]")
        except InvalidError as error:
            yield _of(error)
    for name, sensor in sensors.items() if isinstance(sensors, dict) and runs in RUNS else ():
        if not isinstance(sensor, dict):
            continue
        try:
            _sensor(sensor, f"sensor.{name}", str(runs))
        except GanglionError as error:
            yield _of(error)


def _sensor(table: dict[str, Any], where: str, runs: str) -> None:
    from ganglion.sensors.chips import CHIPS
    from ganglion.sensors.sensor import KINDS

    # On a microcontroller there are the drivers of ganglion_micro
    known = KINDS if runs == "cpython" else {*CHIPS, "dht22", "ds18b20"}
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in known:
        said = "this key is required" if kind is None else f"nothing here reads {kind!r} on a board that runs {runs}"
        raise InvalidError(f"{said}{nearest(str(kind), known)}", where=f"{where}.kind")
    module = import_module(KINDS[kind])
    read(module.SECTIONS[kind] if hasattr(module, "SECTIONS") else module.SECTION, table, where)


def _of(error: GanglionError) -> Problem:
    key = getattr(error, "where", "")
    return Problem(key, str(error).removeprefix(f"{key}: "))


def _text(found: list[dict[str, Any]]) -> str:
    lines = [plain(problem["text"]) for each in found for problem in each["problems"]]
    bad = sum(not each["valid"] for each in found)
    return "\n".join([*lines, f"{bad} of {len(found)} invalid" if bad else f"{len(found)} valid"])
