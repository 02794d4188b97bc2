# SPDX-License-Identifier: GPL-3.0-or-later
"""native: what cffi is told is what the header says."""

import re
from pathlib import Path

NATIVE = Path(__file__).parents[2] / "native"


def declarations(path: Path) -> str:
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    return " ".join(re.sub(r"^#.*$", "", text, flags=re.MULTILINE).split())


def test_the_cdef_repeats_the_header():
    assert declarations(NATIVE / "ganglion.cdef") == declarations(NATIVE / "include" / "ganglion.h")
