# SPDX-License-Identifier: GPL-3.0-or-later
"""A million made-up inputs for the strict codec, COSE and MSG: an answer or their one error, in bounded memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "support" / "codec_fuzz.py"


def python(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """A Python without coverage, which would cost ten times the inputs themselves."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    path = os.pathsep.join(str(ROOT / folder) for folder in ("runtime", "firmware", "tests"))
    return subprocess.run([sys.executable, *words], env=bare | {"PYTHONPATH": path}, capture_output=True, text=True)


def test_a_million_inputs_get_an_answer_or_the_one_error() -> None:
    done = python(SCRIPT, "1000000", "8949")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["inputs"] == 1_000_000
    assert told["grown_kib"] < 16 * 1024
    # Were none of them taken, nothing behind the first byte would have been looked at.
    assert min(told["taken"][name] for name in ("cbor", "native", "cose", "mac0", "gl1")) > 10_000


def test_an_error_of_another_kind_ends_it_and_names_the_input() -> None:
    broken = "import codec_fuzz as f\nf.gl1.unpack = lambda data: data[95]\nf.main(1000, 1)"
    done = python("-c", f"import sys\nsys.path.insert(0, {str(SCRIPT.parent)!r})\n{broken}")
    assert done.returncode == 1
    assert "the input was " in done.stderr
    assert "IndexError" in done.stderr


def test_memory_without_an_end_ends_it() -> None:
    greedy = (
        "import codec_fuzz as f\nhoard = []\nf.gl1.unpack = lambda data: hoard.append(bytes(1 << 20))\nf.main(1000, 1)"
    )
    done = python("-c", f"import sys\nsys.path.insert(0, {str(SCRIPT.parent)!r})\n{greedy}")
    assert done.returncode == 1
    assert "MemoryError" in done.stderr
