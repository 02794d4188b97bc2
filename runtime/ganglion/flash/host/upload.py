# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a file to a machine, and goes on where a broken connection left off.

It goes through `cat` of a shell, which every machine has: dropbear has no SFTP, and SFTP knows no sudo.
"""

import hashlib
import shlex
from collections.abc import Callable, Iterator

from ganglion.errors import GanglionError, UnreachableError
from ganglion.flash.host.connection import AGAIN, Remote

#: Bytes that are handed over at once.
_PART = 32 * 1024

#: Shows how many bytes of how many are there.
Progress = Callable[[int, int], None]


async def upload(remote: Remote, data: bytes, path: str, progress: Progress) -> int:
    """Has a file there with just these bytes; how many had to be sent.

    What came before is kept in `path`.part until all of it is there and its SHA-256 is right.

    Raises:
        GanglionError: the machine cannot write it, or what arrives is not what was sent.
        UnreachableError: the connection is lost; called again over another one, it goes on.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    there = await _there(remote, data, path, sha256)
    if there is None:
        progress(len(data), len(data))
        return 0

    def parts(begin: int) -> Iterator[bytes]:
        for at in range(begin, len(data), _PART):
            progress(at, len(data))
            yield data[at : at + _PART]
        progress(len(data), len(data))

    part = shlex.quote(f"{path}.part")
    script = (
        f"cat >>{part} || exit 3\n[ $(wc -c <{part}) -le {len(data)} ] || exit 4\n"
        f'[ $(wc -c <{part}) -eq {len(data)} ] || exit 5\nset -- $(sha256sum {part})\n[ "$1" = {sha256} ] || exit 4\n'
        f"mv {part} {shlex.quote(path)}"
    )
    said = await remote.run(script, stdin=parts(there), within=60)
    match said.status:
        case 0:
            return len(data) - there
        case 4:
            await remote.run(f"rm -f {part}")
            raise GanglionError(
                f"{remote.address} has other bytes in {path}.part than were sent; it is removed: run this again"
            )
        case 5:
            raise UnreachableError(f"the connection to {remote.address} broke off{AGAIN}")
    raise GanglionError(
        f"{remote.address} cannot write {path} (exit code {said.status}): see that its disk has {len(data)} bytes free "
        "and is not mounted read-only"
    )


async def _there(remote: Remote, data: bytes, path: str, sha256: str) -> int | None:
    """Bytes that are there of a part; None where the whole file is.

    The part is copied: the writer of a connection that broke may still have some bytes for the one that it knows.
    """
    folder, whole, part = shlex.quote(path.rpartition("/")[0]), shlex.quote(path), shlex.quote(f"{path}.part")
    said = await remote.run(
        # A router has it in /tmp, where every user may put a link that leads elsewhere
        f"umask 077; mkdir -p {folder} && [ ! -L {folder} ] && [ -O {folder} ] && chmod 700 {folder} || exit 3\n"
        f"[ -e {whole} ] && sha256sum {whole} || echo none\n"
        f"if [ -e {part} ]; then cp {part} {part}.copy && mv {part}.copy {part} || exit 3\n"
        f"wc -c <{part}; sha256sum {part}; fi"
    )
    if said.status:
        raise GanglionError(
            f"{remote.address} cannot write in {path.rpartition('/')[0]}: see that it is a folder and the user's own, "
            "and its disk neither full nor mounted read-only"
        )
    words = [line.split() for line in said.text.splitlines() if line.strip()]
    if words and words[0][0] == sha256:
        return None
    if len(words) == 3 and words[1][0].isascii() and words[1][0].isdigit():
        size = int(words[1][0][:12])
        if size <= len(data) and hashlib.sha256(data[:size]).hexdigest() == words[2][0]:
            return size
    if len(words) > 1:
        await remote.run(f"rm -f {part}")
    return 0
