# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that `ganglion sensors record` writes: each row is in it as soon as it is whole."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from ganglion.cli.result import Result
from ganglion.cli.show import plain
from ganglion.errors import InvalidError, NotFoundError, UsageError
from ganglion.settings import nearest
from ganglion.sim.recorder import Recorder
from ganglion.sim.recording import SUFFIX


class File:
    """A recording on the disk.

    Args:
        path: A name that ends in `.csv` or `.cbor`; a file that is there is replaced.
        units: Channel to UCUM unit.
        node: Who records.
        count: Rows after which nothing more is taken; None for no end.

    Raises:
        UsageError: the name ends otherwise.
        InvalidError: it cannot be written; so does whatever writes.
    """

    def __init__(self, path: Path, units: Mapping[str, str], *, node: str, count: int | None) -> None:
        if path.suffix.lower() not in (".csv", SUFFIX):
            raise UsageError(f"{path}: a recording is called NAME.csv or NAME{SUFFIX}")
        self._path = path
        self._count = count
        self._columns = [*units]
        self._recorder = Recorder(path.suffix, units, node=node)
        try:
            self._file: BinaryIO = path.open("wb", buffering=0)
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

    def result(self, lost: int) -> Result:
        """What to say at the end.

        Args:
            lost: Values that came too fast.
        """
        data = {"file": str(self._path), "rows": self._recorder.rows, "columns": self._columns, "lost": lost}
        said = f"{self._recorder.rows} rows in {self._path}" + (
            f"; {lost} values were too fast and are lost" if lost else ""
        )
        if self._recorder.rows:
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
