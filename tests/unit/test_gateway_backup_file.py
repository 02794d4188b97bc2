# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of a backup: what is written is read, and what was changed, cut or locked is not."""

import json
from pathlib import Path
from typing import Any

import pytest

from ganglion.errors import GanglionError, InvalidError, NotFoundError, RefusedError, UsageError
from ganglion_gateway.backup.container import Reader, Writer

LINES: list[Any] = [{"table": "a", "columns": ["x"]}, [1, None, "я\n", 0.5], *([[i, "x" * 1000]] for i in range(2000))]


def written(path: Path, passphrase: str | None = None, lines: list[Any] = LINES) -> Path:
    with path.open("wb") as file:
        writer = Writer(file, {"mesh": "m"}, passphrase)
        for line in lines:
            writer.line(line)
        writer.close()
    return path


@pytest.mark.parametrize("passphrase", [None, "correct horse"])
@pytest.mark.parametrize("lines", [LINES, []])
def test_what_was_written_is_read(tmp_path: Path, passphrase: str | None, lines: list[Any]) -> None:
    path = written(tmp_path / "x", passphrase, lines)
    reader = Reader(path, passphrase)
    assert list(reader.lines()) == lines
    assert reader.header["mesh"] == "m"
    assert (b"xxxxxxxx" in path.read_bytes()) is False, "it is compressed"


@pytest.mark.parametrize("passphrase", [None, "correct horse"])
def test_any_byte_that_is_another_is_found(tmp_path: Path, passphrase: str | None) -> None:
    data = written(tmp_path / "x", passphrase).read_bytes()
    for at in (0, 20, len(data) // 2, len(data) - 1):
        (tmp_path / "y").write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(InvalidError, match=r"no backup|damaged"):
            Reader(tmp_path / "y", passphrase)
    for size in (0, 5, 100, len(data) - 1):
        (tmp_path / "y").write_bytes(data[:size])
        with pytest.raises(InvalidError, match=r"no backup|damaged"):
            Reader(tmp_path / "y", passphrase)


def test_another_passphrase_opens_nothing_and_none_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "x", "correct horse")
    with pytest.raises(UsageError, match="--passphrase-file"):
        Reader(path, None)
    with pytest.raises(RefusedError, match="the passphrase is not that"):
        list(Reader(path, "wrong horse").lines())
    assert "correct" not in path.read_bytes().decode("latin1")


def test_a_header_of_another_backup_does_not_fit(tmp_path: Path) -> None:
    """Whoever can write the file can mend its checksum, but not what is encrypted."""
    import hashlib

    magic, header, rest = written(tmp_path / "x", "correct horse").read_bytes().split(b"\n", 2)
    document = json.loads(header)
    forged = magic + b"\n" + json.dumps({**document, "mesh": "other"}).encode() + b"\n" + rest[:-32]
    (tmp_path / "y").write_bytes(forged + hashlib.sha256(forged).digest())
    with pytest.raises(GanglionError, match="passphrase"):
        list(Reader(tmp_path / "y", "correct horse").lines())


def test_a_file_that_is_not_there_or_is_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"there is no backup .*nothing"):
        Reader(tmp_path / "nothing", None)
    with pytest.raises(InvalidError, match="cannot be read: Is a directory"):
        Reader(tmp_path, None)
