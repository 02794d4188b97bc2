# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a file is no wrong usage, whoever finds it: the command, or the gateway that it is sent to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganglion.errors import InvalidError, UnfitError


@contextmanager
def of_file(file: Path | None = None) -> Iterator[None]:
    """For asking with nothing but the content of a file, or with the rest of it looked at already.

    Args:
        file: Stands before the sentence; None where that names it.

    Raises:
        InvalidError: the gateway does not take it.
    """
    try:
        yield
    except UnfitError as error:
        raise InvalidError(str(error), where="" if file is None else str(file)) from None
