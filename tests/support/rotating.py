# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that kills itself with SIGKILL right after one step of its rotation.

    python -m support.rotating STATE BROKER STEP

`asked`: the gateway has answered; `former`, `credential`: that file is written; `identity`, `renamed`: the new key has
its name, and its credential; `done`: all is on the disk and nothing of it in memory.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from ganglion.mesh import client, files, rotation, session
from ganglion.mesh.mqtt_transport import MqttTransport

STEPS = ["asked", "former", "credential", "identity", "renamed", "done"]
_WRITTEN = {"former.cbor": "former", "credential.next": "credential"}
_RENAMED = {"identity.next": "identity", "credential.next": "renamed"}


def cut(at: str) -> None:
    """Prepares the death."""

    def die(step: str) -> None:
        if step == at:
            os.kill(os.getpid(), signal.SIGKILL)

    write, rename, save = files.write, files.rename, rotation.Former.save

    def written(path: Path, data: bytes, *, mode: int = 0o600) -> None:
        write(path, data, mode=mode)
        die(_WRITTEN.get(path.name, ""))

    def renamed(old: Path, new: Path) -> None:
        rename(old, new)
        die(_RENAMED.get(old.name, ""))

    def saved(former: rotation.Former, path: Path) -> None:
        die("asked")
        save(former, path)

    files.write, files.rename, rotation.Former.save = written, renamed, saved  # type: ignore[method-assign]
    if at == "done":
        session.next_epoch = lambda *args, **named: die("done")  # type: ignore[assignment]


async def _main(state: str, broker: str, step: str) -> None:
    node = client.MeshClient(transport=MqttTransport(broker), state=Path(state), name="fridge")
    cut(step)
    await node.run()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
