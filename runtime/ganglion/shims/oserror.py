# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors as MicroPython raises them: an OSError whose only argument is its number."""

import errno


def oserror(number: object) -> OSError:
    """OSError with `errno` and with `args == (number,)`; its text is the number's name, as MicroPython prints it."""
    if not isinstance(number, int):
        return OSError(number)
    error = OSError(int(number), errno.errorcode.get(number, str(number)))
    error.args = (number,)
    return error
