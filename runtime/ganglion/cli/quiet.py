# SPDX-License-Identifier: GPL-3.0-or-later
"""What a part would log is left out while a command says it itself."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet(part: str, below: int) -> Iterator[None]:
    """Has a part of Ganglion log nothing that is less than `below`, until the block ends.

    Args:
        part: The name of its logger.
        below: A level of `logging`.
    """
    log = logging.getLogger(part)
    before = log.level
    log.setLevel(below)
    try:
        yield
    finally:
        log.setLevel(before)
