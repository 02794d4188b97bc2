# SPDX-License-Identifier: GPL-3.0-or-later
"""romfs: a real MicroPython mounts the image and finds every file in it."""

from ganglion_tools.romfs import image
from support import micropython

SCRIPT = """
import sys, vfs
with open(sys.argv[1], "rb") as file:
    vfs.mount(vfs.VfsRom(file.read()), "/rom")
sys.path.append("/rom")
import folder.module, top
with open("/rom/folder/long") as file:
    print(top.NAME, folder.module.NAME, len(file.read()))
"""


def test_micropython_imports_from_an_image(tmp_path):
    files = {"top.py": b"NAME = 'top'\n", "folder/module.py": b"NAME = 'inside'\n", "folder/long": b"x" * 20_000}
    rom, script = tmp_path / "rom", tmp_path / "script.py"
    rom.write_bytes(image(files))
    script.write_text(SCRIPT)
    done = micropython.run(script, rom)
    assert (done.returncode, done.stdout) == (0, "top inside 20000\n"), done.stdout + done.stderr
