# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of options that argparse does not know: what is wrong with one is an error of usage, as for those it knows."""

from ganglion import units
from ganglion.errors import InvalidError, UsageError


def duration(text: str, option: str) -> int:
    """Nanoseconds of a time such as `10m`.

    Args:
        option: As it is written, for who reads the error.

    Raises:
        UsageError: it is none.
    """
    try:
        return units.duration(text, where=option)
    except InvalidError as error:
        raise UsageError(str(error)) from None
