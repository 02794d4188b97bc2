# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a line of a Linux gpiochip cannot be had, in words with their remedy; for those that read and those that act."""

import errno
import os

from ganglion.linux import device


def refusal(chip: str, line: int | str, error: Exception) -> str:
    """Why the line could not be had, in words."""
    match getattr(error, "errno", None):
        case errno.EBUSY:
            return f"line {line} of {chip} is in use by {_consumer(chip, line)}: give it another line, or stop that one"
        case errno.EACCES | errno.EPERM as number:
            return device.refusal(chip, number, "", kind=device.GPIO)
        case errno.ENOENT | errno.ENODEV if not os.path.exists(chip):
            return device.refusal(chip, errno.ENOENT, "", kind=device.GPIO)
        case errno.ENODEV | errno.ENOTTY:
            return f"{chip} is no gpiochip: `gpiodetect` lists those of this machine"
        case errno.ENOENT | None:
            return f"{chip} has no line {line}: `gpioinfo` lists its lines"
        case errno.EINVAL | errno.ENOTSUP:
            return f"line {line} of {chip} does not do that: {os.strerror(error.errno)} (bias, edges and debounce)"  # type: ignore[attr-defined]
    return f"line {line} of {chip}: {error}"


def _consumer(chip: str, line: int | str) -> str:
    import gpiod

    try:
        with gpiod.Chip(chip) as opened:
            return str(opened.get_line_info(line).consumer or "the kernel")
    except OSError:
        return "somebody"
