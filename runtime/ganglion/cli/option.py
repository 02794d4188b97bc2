# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of options that argparse does not know: what is wrong with one is an error of usage, as for those it knows."""

import argparse
import math
from collections.abc import Iterator
from contextlib import contextmanager

from ganglion import units
from ganglion.errors import InvalidError, UsageError


@contextmanager
def usage(option: str) -> Iterator[None]:
    """What is wrong with the value of an option is wrong usage. Raises: UsageError, in place of InvalidError."""
    try:
        yield
    except InvalidError as error:
        raise UsageError(f"{option}: {error}") from None


def whole(text: str) -> int:
    """A whole number, for argparse. Raises: ArgumentTypeError, it is none."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is no whole number, as 8 is") from None


def number(text: str) -> float:
    """A number, for argparse. Raises: ArgumentTypeError, it is none."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is no number, as 8 and 0.5 are")
    return found


def duration(text: str, option: str) -> int:
    """Nanoseconds of a time such as `10m`.

    Args:
        option: As it is written, for who reads the error.

    Raises:
        UsageError: it is none.
    """
    with usage(option):
        return units.duration(text)
