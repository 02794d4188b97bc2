# SPDX-License-Identifier: GPL-3.0-or-later
"""What a gateway weighs that knows ten thousand nodes, each from a birth whose chain it has verified, and a frame."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from ganglion.errors import GanglionError
from ganglion.mesh.authority import Authority
from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Member
from ganglion_micro import cbor, gl1
from ganglion_tools.bench.mesh_members import NOW, born, readings

PEERS = 10_000
_MIB = 1024 * 1024

#: In a process of its own: what others have freed before would hide it. Messages are read one by one, and forgotten.
_WEIGH = """
import gc, sys, tracemalloc
from ganglion.mesh.authority import Authority
from ganglion.mesh.credential import Trust
from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Member
from ganglion_micro import cbor

def own():
    gc.collect()
    with open("/proc/self/smaps_rollup") as lines:
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:"))

def births(file):
    while size := file.read(4):
        yield cbor.decode(file.read(int.from_bytes(size, "big")))

file, traced, now = open(sys.argv[1], "rb"), sys.argv[2] == "traced", int(sys.argv[3])
every = births(file)
trust = Trust.read(bundle := next(every), pin=next(every))
member = Member(Identity.create(), mesh=trust.mesh, epoch=1, gateway=True)
member.adopt(trust)

def hear(birth, frame):
    return bool(member.open(*birth, now=now) and member.open(*frame, now=now))

hear(*next(every))  # what is made at the first of them is not weighed
if traced:
    tracemalloc.start()
before = tracemalloc.get_traced_memory()[0] if traced else own()
known = sum(hear(*each) for each in every)
gc.collect()
after = tracemalloc.get_traced_memory()[0] if traced else own()
print(after - before, known)
"""


class Weight(NamedTuple):
    """MiB for so many peers: as the kernel counts pages that are this process's alone (shares of others' pages change
    when those start and end), and as Python counts what it allocated."""

    resident: float
    allocated: float


def weight(peers: int) -> Weight:
    """Has them born and known.

    Raises:
        GanglionError: one of them was not believed.
    """
    with tempfile.TemporaryDirectory(prefix="ganglion-bench-") as name:
        file = Path(name) / "births"
        _write(file, Path(name), peers)
        return Weight(_weighed(file, "resident", peers), _weighed(file, "traced", peers))


def _write(file: Path, folder: Path, peers: int) -> None:
    authority = Authority.open(folder / "authority", now=NOW)
    with file.open("wb") as births:

        def write(item: object) -> None:
            data = cbor.encode(item)
            births.write(len(data).to_bytes(4, "big") + data)

        write(authority.bundle(now=NOW))
        write(authority.mesh)
        for i in range(peers + 1):
            node = Member(Identity.create(), mesh=authority.mesh_id, epoch=1)
            birth = born(authority, node, name=f"node-{i:05}")
            frame = node.seal(gl1.BATCH, readings(3), now=NOW)
            write([[birth.topic, birth.payload], [frame.topic, frame.payload]])


def _weighed(file: Path, how: str, peers: int) -> float:
    command = [sys.executable, "-c", _WEIGH, str(file), how, str(NOW)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        raise GanglionError(f"bench mesh: the member that was to be weighed ended: {done.stderr.strip()[-300:]}")
    weighed, known = done.stdout.split()
    if int(known) != peers:
        raise GanglionError(f"bench mesh: {known} of {peers} nodes were believed, so they have no figure")
    return int(weighed) / _MIB
