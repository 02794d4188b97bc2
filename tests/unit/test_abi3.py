# SPDX-License-Identifier: GPL-3.0-or-later
"""native: what we declare of CPython's stable ABI is what the real Python.h declares."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

OURS = Path(__file__).parents[2] / "native" / "python" / "Python.h"


def declarations() -> str:
    """Ours without the lines of the preprocessor, which are not C."""
    text = re.sub(r"\\\n", " ", OURS.read_text())
    return re.sub(r"^#.*$", "", text, flags=re.MULTILINE)


def renamed() -> str:
    """C has each structure once, so ours gets a name of its own, and must be laid out as the real one."""
    text = re.sub(
        r"typedef struct PyMethodDef \{(.*?)\} PyMethodDef;", r"struct ours {\1};", declarations(), flags=re.DOTALL
    )
    fields = ["ml_name", "ml_meth", "ml_flags", "ml_doc"]
    same = [f"offsetof(struct ours, {field}) == offsetof(PyMethodDef, {field})" for field in fields]
    sizes = "sizeof(struct ours) == sizeof(PyMethodDef)"
    return f'{text}\n_Static_assert({" && ".join([sizes, *same])}, "PyMethodDef");'


def compiled_after_the_real(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The compiler refuses a name that is declared twice and differently."""
    source = folder / "both.c"
    source.write_text(f"#define Py_LIMITED_API 0x030b0000\n#include <Python.h>\n#include <stddef.h>\n{text}\n")
    command = [sys.executable, "-m", "ziglang", "cc", "-std=c11", "-Werror", "-c", "-o", folder / "both.o"]
    return subprocess.run([*command, "-isystem", sysconfig.get_path("include"), source], capture_output=True, text=True)


def test_every_declaration_is_the_real_one(tmp_path):
    names = re.findall(r"\b(_?Py\w+)\(", declarations())
    assert len(names) == len(set(names)) == 62
    done = compiled_after_the_real(renamed(), tmp_path)
    assert done.returncode == 0, done.stderr


def test_every_function_is_in_the_stable_abi(tmp_path):
    names = sorted(set(re.findall(r"\b(_?Py\w+)\(", declarations())))
    uses = "\n".join(f"void *use_{name}(void) {{ return (void *){name}; }}" for name in names)
    done = compiled_after_the_real(uses, tmp_path)
    assert done.returncode == 0, done.stderr
    later = compiled_after_the_real("void *use(void) { return (void *)PyObject_Vectorcall; }", tmp_path)
    assert "undeclared" in later.stderr  # it came into the stable ABI with 3.12


def test_another_one_would_be_seen(tmp_path):
    wrong = renamed().replace("PyLong_FromLong(long value)", "PyLong_FromLong(int value)")
    assert wrong != renamed()
    assert "conflicting types for 'PyLong_FromLong'" in compiled_after_the_real(wrong, tmp_path).stderr
