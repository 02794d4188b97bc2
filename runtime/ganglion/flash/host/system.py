# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine's own tools are told, as scripts of POSIX sh: to install a package, run the service, show its log."""

import shlex

from ganglion.flash.host.machine import CONFIG, FOLDER, RECORD, Machine

#: Where packages are kept on the machine: on OpenWrt in memory, for its flash is small.
KEPT = {"deb": "/var/cache/ganglion", "ipk": "/tmp/ganglion", "apk": "/tmp/ganglion"}  # noqa: S108
#: Seconds that an installation has: it may fetch dependencies, and the machine may be small.
INSTALLING = 900.0
#: Seconds that apt waits for another one that is at work.
PATIENT = 60
#: How tools say that another one is at work: apt and dpkg, opkg, apk.
BUSY = ("could not get lock", "is locked", "was locked", "could not lock", "unable to lock", "unable to acquire")
#: How they say that the disk is full.
FULL = ("no space left on device", "not enough space", "only have ", "enough free space")
#: How they say that a dependency is not there.
LACKING = (
    "unmet dependencies",
    "unmet dependency",
    "cannot satisfy",
    "unable to fetch",
    "dependency problems",
    "required by",
)

#: apt waits for a lock, keeps what an operator changed, and takes an older version too.
_APT = (
    "DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends --reinstall --allow-downgrades "
    "-o DPkg::Lock::Timeout={patient} -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold {path}"
)
_INSTALL = {
    "dpkg": "DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold --install {path}",
    "ipk": "opkg install --force-reinstall --force-downgrade {path}",
    "apk": "apk add --allow-untrusted {path}",
}


def kept(machine: Machine, sha256: str) -> str:
    """The path of a package there."""
    return f"{KEPT[machine.form]}/{sha256}.{machine.form}"


def install(machine: Machine, path: str) -> str:
    """Installs a package; says the last of what the tool said, and ends as that ended.

    A package's scripts may start the service; it is ended first, so that none runs with half of the files.
    """
    command = _APT if machine.has_apt else _INSTALL["dpkg" if machine.form == "deb" else machine.form]
    command = command.format(path=shlex.quote(path), patient=PATIENT)
    log = f"{KEPT[machine.form]}/log"
    return (
        f"{stop(machine)}\n{command} >{log} 2>&1 </dev/null\nstatus=$?\ntail -c 4000 {log}; rm -f {log}; exit $status"
    )


def record(sha256: str) -> str:
    """Notes which package is installed."""
    return f"mkdir -p {FOLDER} && echo {sha256} >{RECORD}"


def forget(machine: Machine, sha256: str) -> str:
    """Removes the packages there but for one, which a later run may have to put back; nothing behind a link."""
    folder = KEPT[machine.form]
    return (
        f"[ ! -L {folder} ] && [ -O {folder} ] && cd {folder} && "
        f'for each in *; do [ "$each" = {sha256}.{machine.form} ] || rm -f "$each"; done'
    )


def write(path: str, *, keep: bool) -> str:
    """Writes a file of the configuration from stdin, for root and for the group that has its folder: the service's.

    It is the whole new file or the old one.

    Args:
        keep: Whether what was there is kept beside it, by the machine's clock; that name is what the script says.
    """
    kept = (
        f"if [ -e {path} ]; then kept={path}.$(date -u +%Y-%m-%dT%H-%M-%SZ); cp -p {path} $kept || exit 1; "
        "echo $kept; fi\n"
    )
    return (
        f"umask 077; [ -d {FOLDER} ] || mkdir -m 755 {FOLDER}; cat >{path}.new || exit 1\n"
        f"set -- $(ls -ldn {FOLDER}); chown 0:$4 {path}.new && chmod 640 {path}.new || exit 1\n"
        f"{kept if keep else ''}mv {path}.new {path}"
    )


def put_back(kept: str) -> str:
    """The configuration as it was: `kept`, as `write` named it; empty where there was none."""
    return f"mv {shlex.quote(kept)} {CONFIG}" if kept else f"rm -f {CONFIG}"


def stop(machine: Machine) -> str:
    """Ends the service where there is one."""
    if machine.init == "systemd":
        return "systemctl stop ganglion >/dev/null 2>&1"
    return "[ ! -x /etc/init.d/ganglion ] || /etc/init.d/ganglion stop >/dev/null 2>&1"


def start(machine: Machine, mark: str) -> str:
    """Has the service start now and whenever the machine does, and says from where on its log is of that start.

    It does not wait: whether it came up is looked at. `mark` is put into the log of OpenWrt, which has no cursors.
    """
    if machine.init == "systemd":
        # A unit that has failed too often is not started again unless that is forgotten
        return (
            "systemctl daemon-reload; systemctl reset-failed ganglion 2>/dev/null\n"
            "journalctl -q --no-pager -u ganglion -n 0 --show-cursor 2>/dev/null | sed -n 's/^-- cursor: //p'\n"
            "systemctl enable ganglion >/dev/null 2>&1; systemctl restart --no-block ganglion >/dev/null"
        )
    return (
        f"[ -x /etc/init.d/ganglion ] && logger -t ganglion {mark} && echo {mark} || exit 1\n"
        "uci -q set ganglion.node.enabled=1 2>/dev/null && uci commit ganglion\n"
        "/etc/init.d/ganglion enable >/dev/null 2>&1; /etc/init.d/ganglion restart >/dev/null 2>&1"
    )


def state(machine: Machine, since: str) -> str:
    """Says in its first line `up`, `down` or `starting`, and after that what the service has logged since its start.

    Args:
        since: What `start` said.
    """
    if machine.init == "systemd":
        after = f" --after-cursor={shlex.quote(since)}" if since else ""
        return (
            "case $(systemctl show -p ActiveState -p SubState --value ganglion | tr '\\n' ' ') in\n"
            "active*) echo up;; *auto-restart*|failed*|inactive*) echo down;; *) echo starting;; esac\n"
            f"journalctl -q --no-pager -o cat -u ganglion{after} 2>/dev/null | tail -n 400"
        )
    return (
        "/etc/init.d/ganglion running >/dev/null 2>&1 && echo up || echo down\n"
        f"logread 2>/dev/null | sed -n '/{since}/,$p' | grep ganglion | tail -n 400"
    )
