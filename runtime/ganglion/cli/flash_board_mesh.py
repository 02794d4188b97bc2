# SPDX-License-Identifier: GPL-3.0-or-later
"""The broker of a board that is to be a full member of the mesh, and its account there, as files of the board."""

from pathlib import Path

from ganglion.errors import InvalidError, NotFoundError, unread

_OPTION = "?account="


def broker(url: str) -> tuple[str, tuple[str, bytes] | None]:
    """The URL as the board has it, and the name and content of the file of its account; None where it names none.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: it cannot be read.
    """
    where, option, file = url.partition(_OPTION)
    if not option:
        return url, None
    path = Path(file)
    try:
        return f"{where}{_OPTION}{path.name}", (path.name, path.read_bytes())
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {path}: `ganglion broker update` writes accounts") from None
    except OSError as error:
        raise InvalidError(unread(error), where=file) from None
