# SPDX-License-Identifier: GPL-3.0-or-later
"""The board's files, as `slots` and `update` are handed them: the module is the object. It decides nothing."""

import builtins
import os
from os import listdir, mkdir, remove, rename

__all__ = ["free", "listdir", "mkdir", "open", "remove", "rename", "sync"]

open = builtins.open


def sync() -> None:
    """Has the flash hold what was written; where a port has no such call, closing a file does it (littlefs)."""
    if hasattr(os, "sync"):
        os.sync()


def free(path: str) -> "tuple[int, int]":
    """Bytes of a block, and the blocks that are free in the file system of a path."""
    about = os.statvfs(path or "/")
    return about[1], about[3]
