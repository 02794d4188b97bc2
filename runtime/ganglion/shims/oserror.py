# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors as MicroPython raises them: an OSError whose only argument is its number."""

import errno


def oserror(number: object) -> OSError:
    """OSError with `errno` and with `args == (number,)`; its text is the number's name, as MicroPython prints it.

    It is an OSError alone: CPython's kinds, such as FileNotFoundError and TimeoutError, are not known there.
    """
    error = OSError(number)
    if isinstance(number, int):
        error.errno, error.strerror = int(number), errno.errorcode.get(number, str(number))
    return error
