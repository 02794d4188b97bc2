# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that `ganglion sensors record` writes: each row is in it as soon as it is whole."""

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from ganglion.cli.result import Result
from ganglion.cli.show import plain
from ganglion.errors import InvalidError, NotFoundError, RefusedError, UnreachableError, UsageError
from ganglion.settings import nearest
from ganglion.sim.recorder import Recorder
from ganglion.sim.recording import SUFFIX


class File:
    """A recording on the disk.

    Args:
        path: A name that ends in `.csv` or `.cbor`.
        units: Channel to UCUM unit.
        node: Who records.
        count: Rows after which nothing more is taken; None for no end.
        force: Whether a file that is there is replaced, once there is a row.

    Raises:
        UsageError: the name ends otherwise.
        RefusedError: the file is there already, and is not to be replaced.
        InvalidError: it cannot be written; so does whatever writes.
    """

    def __init__(self, path: Path, units: Mapping[str, str], *, node: str, count: int | None, force: bool) -> None:
        if path.suffix.lower() not in (".csv", SUFFIX):
            raise UsageError(f"{path}: a recording is called NAME.csv or NAME{SUFFIX}")
        if path.is_file() and not force:
            raise RefusedError(f"{path} is there already: give the recording another name, or --force to replace it")
        self._path = path
        self._count = count
        self._columns = [*units]
        self._recorder = Recorder(path.suffix, units, node=node)
        self._is_new = not path.exists()
        self._began = False
        try:
            self._file: BinaryIO = path.open("xb" if self._is_new else "ab", buffering=0)
        except OSError as error:
            raise InvalidError(f"cannot be written: {error.strerror}", where=str(path)) from None

    @property
    def is_full(self) -> bool:
        """Whether it has as many rows as were asked for."""
        return self._count is not None and self._recorder.rows >= self._count

    def add(self, channel: str, value: Any, timestamp: int) -> None:
        """Takes a value in; see `Recorder.add`."""
        if not self.is_full:
            self._write(self._recorder.add(channel, value, timestamp))

    def _write(self, data: bytes) -> None:
        try:
            if data and not self._began:
                self._began = True
                if stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
                    self._file.truncate(0)
            self._file.write(data)
        except OSError as error:
            raise InvalidError(f"cannot be written: {error.strerror}", where=str(self._path)) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._file:
            if not self.is_full and not isinstance(error, InvalidError):
                self._write(self._recorder.end())
        if self._is_new and not self._recorder.rows:
            self._path.unlink(missing_ok=True)

    def result(self, lost: int, why: str) -> Result:
        """What to say at the end.

        Args:
            lost: Values that came too fast.
            why: Why there are no rows, if there are none, or where to look for that.

        Raises:
            UnreachableError: nothing was recorded. There is no file then, or the one of before is as it was.
        """
        if not self._recorder.rows:
            raise UnreachableError(f"nothing was recorded into {self._path}: {why}")
        data = {"file": str(self._path), "rows": self._recorder.rows, "columns": self._columns, "lost": lost}
        said = f"{self._recorder.rows} rows in {self._path}" + (
            f"; {lost} values were too fast and are lost" if lost else ""
        )
        said += f'; replay = "{self._path.name}" in a sensor\'s table reads them'
        return Result(data=data, text=lambda: said)


def chosen(known: Mapping[str, str], sensors: Sequence[str], where: str) -> dict[str, str]:
    """Of channels and their units those that are named, or that are of a sensor that is named.

    Args:
        where: What has them, for who reads that it has none of a name.

    Raises:
        NotFoundError: there is none of a name.
    """
    columns: dict[str, str] = {}
    for sensor in sensors:
        found = {id: unit for id, unit in known.items() if id == sensor or id.startswith(f"{sensor}.")}
        if not found:
            names = {id.partition(".")[0] for id in known} | known.keys()
            raise NotFoundError(f"{plain(where)} has no sensor {sensor!r}{nearest(sensor, names)}")
        columns |= found
    return columns
