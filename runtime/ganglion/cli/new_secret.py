# SPDX-License-Identifier: GPL-3.0-or-later
"""A new file for a secret, which nobody but its owner ever reads: a shell's `>` makes it for everybody."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ganglion.errors import InvalidError, RefusedError


@contextmanager
def new(path: Path) -> Iterator[Callable[[str], None]]:
    """A file of mode 0600 for one secret, made before there is one; gives what writes it. After an error it is gone.

    Raises:
        RefusedError: something is there already.
        InvalidError: it cannot be written.
    """
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise RefusedError(f"{path} is there already, and a key is not replaced: name a new file") from None
    except OSError as error:
        raise InvalidError(f"cannot be written: {error.strerror}", where=str(path)) from None

    def write(text: str) -> None:
        try:
            with os.fdopen(os.dup(file), "w", encoding="utf-8") as opened:
                opened.write(text + "\n")
                opened.flush()
                os.fsync(file)
        except OSError as error:
            raise InvalidError(f"cannot be written: {error.strerror}", where=str(path)) from None

    try:
        yield write
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    finally:
        os.close(file)
