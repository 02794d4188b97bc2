# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of MicroPython's read-only file system, from which a board runs modules in its flash ("VFS ROM", 1.25).

An image is one record, and a record its kind, its length and its payload; kinds, lengths and names are as in MQTT
counted in bytes of seven bits, the highest first.
"""

_HEADER = b"\xd2\xcd\x31"
_DATA, _FOLDER, _FILE = 2, 4, 5


def image(files: dict[str, bytes]) -> bytes:
    """The image of files by path, as in `ganglion_micro/engine.mpy`; one folder deep."""
    folders: dict[str, list[bytes]] = {}
    for path, data in sorted(files.items()):
        folder, _, name = path.rpartition("/")
        folders.setdefault(folder, []).append(_record(_FILE, _name(name) + _record(_DATA, data)))
    top = folders.pop("", [])
    top += [_record(_FOLDER, _name(folder) + b"".join(inside)) for folder, inside in folders.items()]
    body = b"".join(top)
    return _HEADER + _number(len(body)) + body


def _record(kind: int, payload: bytes) -> bytes:
    return _number(kind) + _number(len(payload)) + payload


def _name(name: str) -> bytes:
    data = name.encode()
    return _number(len(data)) + data


def _number(value: int) -> bytes:
    made = [value & 0x7F]
    while value := value >> 7:
        made.append(value & 0x7F | 0x80)
    return bytes(reversed(made))
