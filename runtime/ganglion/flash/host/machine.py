# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine is, by what it answers to one script. Nothing here connects; what it says is taken for anyone's."""

import re
from dataclasses import dataclass

from ganglion.errors import RemoteProtocolError
from ganglion.flash.host.text import shown

#: The configuration and what else is Ganglion's own there.
FOLDER = "/etc/ganglion"
CONFIG = f"{FOLDER}/node.toml"
#: Of the package that was installed: its SHA-256 and the folder that has it.
RECORD = f"{FOLDER}/package.sha256"
#: Where the service of each kind of package keeps the node's key and credential.
STATE = {"deb": "/var/lib/ganglion", "ipk": "/etc/ganglion/state", "apk": "/etc/ganglion/state"}

_LOOK = r"""
mark=$1
say() { printf '%s %s %s\n' "$mark" "$1" "$(printf %s "$2" | tr '\n' ' ' | cut -c1-400)"; }
has() { command -v "$1" >/dev/null 2>&1; }
PATH=$PATH:/usr/sbin:/sbin
echo
say machine "$(uname -m)"
say host "$(uname -n)"
for key in ID VERSION_ID PRETTY_NAME; do
  say "$key" "$(sed -n "s/^$key=//p" /etc/os-release 2>/dev/null | head -n 1 | tr -d "\"'")"
done
say model "$(tr -d '\0' </sys/firmware/devicetree/base/model 2>/dev/null)"
say target "$(sed -n "s/^DISTRIB_TARGET=//p" /etc/openwrt_release 2>/dev/null | tr -d "\"'")"
if has dpkg && [ -e /var/lib/dpkg/status ]; then
  say form deb
  say architectures "$(dpkg --print-architecture)"
  say installed "$(dpkg-query -W -f '${db:Status-Abbrev} ${Version}' ganglion 2>/dev/null | sed -n 's/^ii *//p')"
elif has apk; then
  say form apk
  say architectures "$(apk --print-arch)"
  say installed "$(apk list --installed ganglion 2>/dev/null | sed -n 's/^ganglion-\([0-9][^ ]*\) .*/\1/p' | head -n 1)"
elif has opkg; then
  say form ipk
  say architectures "$(opkg print-architecture | sed -n 's/^arch \([^ ]*\) .*/\1/p')"
  say installed "$(opkg list-installed ganglion 2>/dev/null | sed -n 's/^ganglion - //p' | head -n 1)"
fi
has apt-get && say apt yes
if [ -d /run/systemd/system ]; then
  say init systemd
  say service "$(systemctl is-active ganglion 2>/dev/null)"
  say enabled "$(systemctl is-enabled ganglion 2>/dev/null)"
elif [ -x /sbin/procd ]; then
  say init procd
  if [ -x /etc/init.d/ganglion ]; then
    /etc/init.d/ganglion running >/dev/null 2>&1 && say service active
    /etc/init.d/ganglion enabled >/dev/null 2>&1 && say enabled enabled
  fi
fi
say python "$(python3 --version 2>/dev/null)"
say disk "$(df -Pk / | sed -n '$s/^[^ ]* *[0-9]* *[0-9]* *\(-*[0-9]*\) .*/\1/p')"
say memory "$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo)"
say available "$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)"
say record "$(head -c 64 RECORD 2>/dev/null)"
for state in STATES; do [ -s "$state/credential.cwt" ] && say member yes; done
[ -e CONFIG ] && say config yes
say end yes
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A Linux machine. Texts are safe to print.

    Attributes:
        machine: Its kernel's word for the processor, as in `aarch64`.
        host: What it calls itself.
        system: Name and version of its system.
        model: What its device tree says that it is; empty where it has none.
        target: OpenWrt's target, as in `ramips/mt7621`.
        form: What packages it installs: `deb`, `ipk`, `apk`; empty where it has no tool that is known.
        architectures: Of packages that it takes, in the words of that tool.
        installed: Version of Ganglion that is installed; empty for none.
        record: SHA-256 of the package that it came from, where that was noted.
        has_apt: Whether dependencies can be fetched.
        init: What runs services: `systemd`, `procd`; empty for something else.
        is_active, is_enabled: Of Ganglion's service.
        python: Its version, as in (3, 11); none where there is no Python.
        disk: Bytes that are free.
        memory, available: Bytes that it has, and that are free.
        is_member: Whether it has a credential of a mesh.
        has_config: Whether there is a configuration.
    """

    machine: str
    host: str
    system: str
    model: str
    target: str
    form: str
    architectures: tuple[str, ...]
    installed: str
    record: str
    has_apt: bool
    init: str
    is_active: bool
    is_enabled: bool
    python: tuple[int, int] | None
    disk: int
    memory: int
    available: int
    is_member: bool
    has_config: bool


def look(mark: str) -> str:
    """The script. `mark` begins each line of its answer: what a login shell prints besides is told apart by that."""
    text = (
        _LOOK.replace("RECORD", RECORD)
        .replace("CONFIG", CONFIG)
        .replace("STATES", " ".join(sorted(set(STATE.values()))))
    )
    return f"set -- {mark}\n{text}"


def parse(mark: str, text: str, where: str) -> Machine:
    """The machine, from its answer.

    Raises:
        RemoteProtocolError: the answer is not whole.
    """
    said: dict[str, str] = {}
    for line in text.splitlines():
        words = line.split(" ", 2)
        if words[0] == mark and len(words) > 1:
            said.setdefault(words[1], shown(words[2].strip() if len(words) > 2 else ""))
    if "end" not in said:
        raise RemoteProtocolError(
            f"{where} did not say what it is: it must be a Linux machine with a POSIX shell; log in there and see"
        )
    form, init = said.get("form", ""), said.get("init", "")
    python = re.fullmatch(r"Python (\d{1,3})\.(\d{1,3})(\D.*)?", said.get("python", ""))
    system = said.get("PRETTY_NAME") or f"{said.get('ID', '')} {said.get('VERSION_ID', '')}".strip()
    record = said.get("record", "")
    return Machine(
        machine=said.get("machine", ""),
        host=said.get("host", ""),
        system=system or "a system without a name",
        model=said.get("model", ""),
        target=said.get("target", ""),
        form=form if form in STATE else "",
        architectures=tuple(said.get("architectures", "").split()),
        installed=said.get("installed", ""),
        record=record if re.fullmatch("[0-9a-f]{64}", record) else "",
        has_apt="apt" in said,
        init=init if init in ("systemd", "procd") else "",
        is_active=said.get("service") == "active",
        is_enabled=said.get("enabled") == "enabled",
        python=(int(python[1]), int(python[2])) if python else None,
        disk=_kibibytes(said.get("disk", "")),
        memory=_kibibytes(said.get("memory", "")),
        available=_kibibytes(said.get("available", "")),
        is_member="member" in said,
        has_config="config" in said,
    )


def _kibibytes(text: str) -> int:
    """Bytes; 0 where it is no number."""
    return int(text) * 1024 if re.fullmatch("[0-9]{1,15}", text) else 0
