# SPDX-License-Identifier: GPL-3.0-or-later
"""What Linux says of its network interfaces: addresses, whether they are up, and which are wireless."""

import json
import socket
import subprocess
from pathlib import Path


def interfaces(root: Path, *, wireless: bool) -> list[str]:
    """Names of interfaces that are of hardware, or are wireless."""
    found = []
    for path in sorted(root.iterdir()) if root.is_dir() else []:
        is_wireless = (path / "wireless").exists() or (path / "phy80211").exists()
        if path.name != "lo" and is_wireless == wireless:
            found.append(path.name)
    return found


def is_up(root: Path, name: str) -> bool:
    """Whether it carries packets."""
    path = root / name / "operstate"
    return path.is_file() and path.read_text().strip() in ("up", "unknown")


def mac(root: Path, name: str) -> bytes:
    path = root / name / "address"
    return bytes.fromhex(path.read_text().strip().replace(":", "")) if path.is_file() else bytes(6)


def address(name: str) -> tuple[str, str]:
    """IPv4 address and mask of an interface, by `ip -json`; zeros where it has none."""
    try:
        words = ["ip", "-json", "-4", "address", "show", "dev", name]
        done = subprocess.run(words, capture_output=True, text=True, check=True)  # noqa: S603
        for entry in json.loads(done.stdout or "[]"):
            for each in entry.get("addr_info", []):
                bits = 0xFFFFFFFF << (32 - each["prefixlen"]) & 0xFFFFFFFF
                return str(each["local"]), socket.inet_ntoa(bits.to_bytes(4, "big"))
    except (OSError, subprocess.CalledProcessError):
        pass
    return "0.0.0.0", "0.0.0.0"  # noqa: S104 - it has none


def gateway(routes: Path, name: str) -> str:
    """The default route's next hop through an interface, from `/proc/net/route`."""
    for line in routes.read_text().splitlines()[1:] if routes.is_file() else []:
        words = line.split()
        if words[0] == name and words[1] == "00000000":
            return socket.inet_ntoa(int(words[2], 16).to_bytes(4, "little"))
    return "0.0.0.0"  # noqa: S104 - there is none


def resolver(file: Path) -> str:
    """The first server of `/etc/resolv.conf`."""
    for line in file.read_text().splitlines() if file.is_file() else []:
        words = line.split()
        if len(words) == 2 and words[0] == "nameserver":
            return words[1]
    return "0.0.0.0"  # noqa: S104 - there is none
