# SPDX-License-Identifier: GPL-3.0-or-later
"""native: what we declare of CPython's stable ABI is what the real Python.h declares."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

OURS = Path(__file__).parents[2] / "native" / "abi3" / "Python.h"


def declarations() -> str:
    """Ours without the lines of the preprocessor, which are not C."""
    text = re.sub(r"\\\n", " ", OURS.read_text())
    return re.sub(r"^#.*$", "", text, flags=re.MULTILINE)


def compiled_after_the_real(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The compiler refuses a name that is declared twice and differently."""
    source = folder / "both.c"
    source.write_text(f"#define Py_LIMITED_API 0x030b0000\n#include <Python.h>\n#include <stddef.h>\n{text}\n")
    command = [sys.executable, "-m", "ziglang", "cc", "-std=c11", "-Werror", "-c", "-o", folder / "both.o"]
    return subprocess.run([*command, "-isystem", sysconfig.get_path("include"), source], capture_output=True, text=True)


def test_every_declaration_is_the_real_one(tmp_path):
    names = re.findall(r"\b(_?Py\w+)\(", declarations())
    assert len(names) == len(set(names)) == 19
    done = compiled_after_the_real(declarations(), tmp_path)
    assert done.returncode == 0, done.stderr


def test_another_one_would_be_seen(tmp_path):
    wrong = declarations().replace("PyLong_FromLong(long value)", "PyLong_FromLong(int value)")
    assert wrong != declarations()
    assert "conflicting types for 'PyLong_FromLong'" in compiled_after_the_real(wrong, tmp_path).stderr
