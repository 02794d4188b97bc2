# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that the user has brought, read whole and no further than such a file can be."""

from pathlib import Path

from ganglion.errors import InvalidError, NotFoundError, unread


def content(path: Path, most: int, remedy: str) -> bytes:
    """What is in a file.

    Args:
        most: Bytes that it may have.
        remedy: Where such a file is to be had.

    Raises:
        NotFoundError: there is none.
        InvalidError: it cannot be read, or has more.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {path}: {remedy}") from None
    except OSError as error:
        raise InvalidError(unread(error), where=str(path)) from None
    if len(data) > most:
        raise InvalidError(f"has more than {most >> 20} MiB, which none of its kind has", where=str(path))
    return data
