# SPDX-License-Identifier: GPL-3.0-or-later
"""A board whose flash is a file: littlefs or FAT of a real MicroPython, started by the real `main.py`.

Its slots have the real `slots` and `update`, compiled, and an agent whose version is good or bad, and that serves the
methods of an update over the process's own pipes, as lines of JSON.
"""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, Self

from ganglion.firmware import Bundle, build
from ganglion.firmware.sending import sending
from ganglion_tools.micropython import interpreter

ROOT = Path(__file__).parents[2]
HARNESS = Path(__file__).parent / "slotted"
_NAMES = ("__init__", "entry", "files", "manifest", "slots", "update")

_AGENT = """
VERSION, FATE = {version!r}, {fate!r}
if FATE == "import":
    raise RuntimeError("a bad version")
def main(root, slot, joined, methods):
    import json, sys
    print("runs", VERSION, slot, FATE)
    print("from", [path for path in __import__("sys").path if path][0])
    while FATE == "hangs":
        pass
    if FATE == "silent":
        import time
        while True:
            time.sleep(1)
    if FATE == "unconfigured":
        raise KeyboardInterrupt("agent.json.key: leaf.key is not there")
    if FATE == "moody":
        try:
            with open("/count") as file:
                count = int(file.read()) + 1
        except OSError:
            count = 1
        with open("/count", "w") as file:
            file.write(str(count))
        if 1 < count < 5:
            raise RuntimeError("a fault that passes")
    class Found:
        updates = "parent"
    methods = methods(Found)
    joined()
    print("healthy", VERSION)
    try:
        with open("/crash") as file:
            print("crash", json.load(file))
    except OSError:
        pass
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        method, params = json.loads(line)
        if method == "reboot":
            print("{{}}")
            return
        try:
            print(json.dumps(methods[method](params)))
        except ValueError as error:
            print(json.dumps({{"refused": str(error)}}))
"""


@cache
def _built() -> Bundle:
    return build()


def version(name: str, fate: str = "good", *, more: int = 0) -> Bundle:
    """A version whose agent is `good`, or ends at its `import`, `hangs`, is `silent`, or `unconfigured`.

    One that is `moody` is good, but for its boots 2 to 4, which end by an error.

    Args:
        more: Bytes of a file that only it has.
    """
    files = {f"ganglion_agent/{each}.mpy": _built().files[f"ganglion_agent/{each}.mpy"] for each in _NAMES}
    files["ganglion_agent/agent.py"] = _AGENT.format(version=name, fate=fate).encode()
    if more:
        files["ganglion_agent/drivers/own.bin"] = (name.encode() * more)[:more]
    return Bundle(version=name, files=files, outside=_built().outside)


class Boot:
    """One boot of a board: a process, until it ends."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1,
            env={"MICROPYPATH": f"{HARNESS}:.frozen"},
        )  # fmt: skip
        self.said: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def until(self, *starts: str) -> str:
        """The next line that begins so, or so; empty where the process has ended before one came."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line.rstrip())
            if line.startswith(starts):
                return line.rstrip()
        return ""

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any] | None:
        """An answer, or None where the power was cut."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps([method, params]) + "\n")
        except BrokenPipeError:
            return None
        line = self.until("{")
        return json.loads(line) if line else None

    def send(self, bundle: Bundle, *, calls: int = 10_000) -> str:
        """Sends a version, or as much as so many calls do: `committed`, `running`, `cut` or `broken off`."""
        sender = sending(bundle)
        call = next(sender)
        for _ in range(calls):
            said = self.ask(call.method, call.params)
            if said is None:
                return "cut"
            assert "refused" not in said, said
            try:
                call = sender.send(said)
            except StopIteration as done:
                return str(done.value)
        return "broken off"

    def key(self) -> None:
        """A person presses one at the console."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")


class Device:
    """The board.

    Args:
        kind: Of its file system: `lfs` or `fat`.
        rom: What it has for a ROMFS: `none`, a `block` device, or memory that is `mapped`.
    """

    def __init__(self, folder: Path, kind: str, bundle: Bundle, rom: str = "none") -> None:
        self._rom = rom
        self.image = folder / "flash"
        self._command = [*interpreter(ROOT / ".cache" / "micropython"), "-X", "heapsize=320k", str(HARNESS / "run.py")]
        self._command += [str(self.image), kind]
        self.flash(folder / "files", bundle.on_board())

    def flash(self, folder: Path, files: dict[str, bytes]) -> None:
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        command = [*self._command, "format", str(folder)]
        done = subprocess.run(command, env={"MICROPYPATH": str(HARNESS)}, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def boot(self, cut: int = -1, cause: int = 1) -> Boot:
        """Switches it on; the power fails in the write of that number."""
        return Boot([*self._command, "boot", str(cut), str(cause), self._rom])

    def healthy(self, boots: int = 9) -> str:
        """Boots until a version says that it is healthy, and which."""
        said = []
        for _ in range(boots):
            with self.boot() as boot:
                if line := boot.until("healthy"):
                    return line.split()[1]
                said += boot.said
        raise AssertionError("no version is healthy:\n" + "\n".join(said))
