# SPDX-License-Identifier: GPL-3.0-or-later
"""What is run on a device to get at its files, in the dialect of MicroPython 1.9 and every later one.

Names that outlive a program begin with `_g`: those of somebody's own are left alone.
"""

import binascii
from collections.abc import Sequence
from dataclasses import dataclass

#: Asks what the device can; a file that a broken transfer left open is closed first, so that it is as long as it looks.
PROBE = """\
import os
try:
 _gf.close()
except:
 pass
try:
 import hashlib as _gh
except ImportError:
 _gh=None
try:
 import binascii as _gb
except ImportError:
 _gb=None
print(*[int(hasattr(m,n)) for m,n in ((os,'stat'),(os,'ilistdir'),(os,'rename'),(os,'mkdir'),\
(_gh,'sha256'),(_gb,'crc32'),(_gb,'a2b_base64'))])
"""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a device's modules have, in the order in which PROBE prints it."""

    stat: bool
    ilistdir: bool
    rename: bool
    folders: bool
    sha256: bool
    crc32: bool
    base64: bool

    @property
    def checksum(self) -> str:
        """The better of the checksums that it can make: `sha256`, `crc32`; `content` where it has none."""
        return "sha256" if self.sha256 else "crc32" if self.crc32 else "content"


def mounted(folder: str) -> str:
    """Prints 0 where a folder is of no file system, as on a flash that was erased; 1 also where nobody knows."""
    return f"try:\n _g=os.statvfs({folder!r})[2]\nexcept:\n _g=1\nprint(int(_g>0))"


def status(path: str, can: Abilities) -> str:
    """Prints whether a path is a folder, as 1 or 0, and its size in bytes."""
    if can.stat:
        return f"_g=os.stat({path!r})\nprint(int(_g[0]&16384>0),_g[6])"
    return f"print(0,os.size({path!r}))"


def listing(folder: str, can: Abilities) -> str:
    """Prints a line for each entry of a folder: whether it is a folder, as 1 or 0, its size in bytes, its name."""
    if not can.stat:
        return "for _g in os.listdir():print(0,os.size(_g),_g)"
    inside = repr(f"{folder.rstrip('/')}/" if folder else "")
    if can.ilistdir:
        names = f"for _g in os.ilistdir({folder!r}):\n _gs=os.stat({inside}+_g[0])if len(_g)<4 else(_g[1],)+_g[1:]"
        return f"{names}\n print(int(_g[1]&16384>0),_g[3]if len(_g)>3 else _gs[6],_g[0])"
    names = f"for _g in os.listdir({folder!r}):\n _gs=os.stat({inside}+_g)"
    return f"{names}\n print(int(_gs[0]&16384>0),_gs[6],_g)"


def checksum(path: str, size: int, can: Abilities) -> str:
    """Prints the checksum of the first bytes of a file, in hexadecimal."""
    start, add, end = (
        ("_gh.sha256()", "_gc.update(_g)", "''.join('%02x'%_g for _g in _gc.digest())")
        if can.sha256
        else ("0", "_gc=_gb.crc32(_g,_gc)", "'%08x'%_gc")
    )
    return f"""\
_gf=open({path!r},'rb')
_gc={start}
_gn={size}
while _gn>0:
 _g=_gf.read(min(_gn,512))
 if not _g:break
 {add}
 _gn-=len(_g)
_gf.close()
print({end})
"""


def digests(paths: Sequence[str]) -> str:
    """Prints a line for each path: the SHA-256 of the file in hexadecimal, or - where there is none."""
    return f"""\
for _g in {tuple(paths)!r}:
 _gc=_gh.sha256()
 try:
  with open(_g,'rb')as _gf:
   while 1:
    _gn=_gf.read(512)
    if not _gn:break
    _gc.update(_gn)
  print(''.join('%02x'%_gn for _gn in _gc.digest()))
 except OSError:print('-')
"""


def read(path: str, can: Abilities, begin: int = 0) -> str:
    """Prints a file, in lines of base64 or of hexadecimal digits; so many bytes of its beginning are left out."""
    size, line = (
        (384, "str(_gb.b2a_base64(_g),'ascii').strip()") if can.base64 else (32, "''.join('%02x'%_gc for _gc in _g)")
    )
    skip = f"_gf.seek({begin})\n" if begin else ""
    opened = f"_gf=open({path!r},'rb')\n{skip}"
    return f"{opened}while 1:\n _g=_gf.read({size})\n if not _g:break\n print({line})\n_gf.close()"


def read_line(line: bytes, can: Abilities) -> bytes:
    """What a line that `read` prints stands for.

    Raises:
        ValueError: it stands for nothing.
    """
    return binascii.a2b_base64(line, strict_mode=True) if can.base64 else bytes.fromhex(line.decode())


def open_to_write(path: str, *, append: bool) -> str:
    """Opens a file for `write`."""
    return f"_gf=open({path!r},{'ab' if append else 'wb'!r})\n_gw=_gf.write"


def write(data: bytes, can: Abilities, *, flush: bool) -> str:
    """Writes a piece into the file that is open, in the shorter of two spellings."""
    literal = repr(data)
    if can.base64:
        encoded = f"_gb.a2b_base64('{binascii.b2a_base64(data, newline=False).decode()}')"
        literal = min(literal, encoded, key=len)
    return f"_gw({literal})" + ("\n_gf.flush()" if flush else "")


CLOSE = "_gf.close()"
#: Prints how many bytes of the heap are free.
HEAP = "import gc\ngc.collect()\nprint(gc.mem_free())"
