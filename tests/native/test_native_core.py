# SPDX-License-Identifier: GPL-3.0-or-later
"""native: the C tests under UndefinedBehaviourSanitizer, and the core for every device."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: What `zig build cross` makes, with the ELF header's class, byte order and e_machine.
DEVICES = {
    "x86_64-linux-musl": (64, 62),
    "aarch64-linux-musl": (64, 183),
    "arm-linux-musleabihf": (32, 40),
    "mipsel-linux-musleabi": (32, 8),
    "riscv64-linux-musl": (64, 243),
}

pytestmark = pytest.mark.timeout(300)


def zig(*arguments: str) -> None:
    command = [sys.executable, "-m", "ziglang", "build", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_core_does_what_its_header_says_and_nothing_undefined():
    zig("test")


def test_the_core_is_built_for_every_device(tmp_path):
    zig("cross", "--prefix", str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == set(DEVICES)
    for device, (bits, machine) in DEVICES.items():
        objects = (tmp_path / device / "libganglion.a").read_bytes().split(b"\x7fELF")[1:]
        assert len(objects) >= len(list((ROOT / "native" / "src").glob("*.c")))
        for header in objects:
            assert (header[0] * 32, int.from_bytes(header[14:16], "little")) == (bits, machine)
