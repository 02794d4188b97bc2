# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person has fetched before a board is flashed: images of MicroPython, and a leaf's key."""

import shutil
from pathlib import Path

from ganglion.mesh.enrol import EnrolKey
from ganglion_micro.leaf_key import LeafKey
from ganglion_tools.emulated_board import MICROBIT
from support import images

ESP32 = images.esp("esp32", 0x1000)


def brought(folder: Path) -> None:
    """Puts it into a folder, under the names that docs/flashing.md has."""
    (folder / "ESP32_GENERIC-20250415-v1.25.0.bin").write_bytes(ESP32)
    (folder / "RPI_PICO_W-20250415-v1.25.0.uf2").write_bytes(images.uf2_file(0xE48BFF56, 300))
    shutil.copy(MICROBIT, folder / "microbit-micropython.hex")
    (folder / "leaf.key").write_text(LeafKey(bytes(8), bytes(range(32))).text() + "\n")
    (folder / "enrol.key").write_text(EnrolKey(pin=bytes(16), secret=bytes(range(16))).text + "\n")
