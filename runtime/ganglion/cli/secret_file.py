# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret out of a file, as no command takes one as a word: the list of processes shows those to everybody."""

from pathlib import Path

from ganglion.errors import InvalidError, NotFoundError, unread


def secret_in(path: Path | None) -> str | None:
    """The secret in a file; None where no file is named.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: it cannot be read, or is no text.
    """
    if path is None:
        return None
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist; without --secret-file a secret is made") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(unread(error), where=str(path)) from None
