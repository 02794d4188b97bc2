# SPDX-License-Identifier: GPL-3.0-or-later
"""flash.host: what a machine says of itself, what a package is, what a configuration becomes, and the plan."""

import dataclasses
import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.board import board
from ganglion.errors import GanglionError, InvalidError, NotFoundError, RemoteProtocolError, UsageError
from ganglion.flash.host import address
from ganglion.flash.host.machine import Machine, look, parse
from ganglion.flash.host.package import Package
from ganglion.flash.host.plan import candidates, checked_machine, plan, recognised
from ganglion.flash.host.text import last_lines, shown
from support import linux_host

PI = {
    "machine": "aarch64",
    "host": "raspberrypi",
    "PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)",
    "model": "Raspberry Pi 4 Model B Rev 1.4",
    "form": "deb",
    "architectures": "arm64",
    "apt": "yes",
    "init": "systemd",
    "python": "Python 3.11.2",
    "disk": "4000000",
    "memory": "3900000",
    "available": "3000000",
}
ROUTER = {
    "machine": "mips",
    "host": "OpenWrt",
    "PRETTY_NAME": "OpenWrt 23.05.3",
    "target": "ramips/mt7621",
    "form": "ipk",
    "architectures": "all noarch mipsel_24kc",
    "init": "procd",
    "disk": "20000",
    "memory": "240000",
    "available": "100000",
}


def machine(said: dict[str, str], **changed: str) -> Machine:
    lines = [f"m {key} {value}" for key, value in (said | changed).items()]
    return parse("m", "\n".join([*lines, "m end yes"]), "pi@host")


def packed(form: str = "deb", architecture: str = "arm64", size: int = 1000, installed: int = 5000) -> Package:
    return Package(
        path=Path(f"ganglion.{form}"),
        form=form,
        data=b"x" * size,
        version="1.0",
        architecture=architecture,
        installed_bytes=installed,
    )


def planned(there: Machine, what: str, made: Package, before: str = "", **said: Any) -> Any:
    asked = {"name": "fridge", "broker": "mqtt://b", "key": "gk1_x"} | said
    return plan(there, board(what), made, before, where="pi@host", **asked)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pi@10.0.0.5", ("pi", "10.0.0.5", None)),
        ("router", ("root", "router", None)),
        ("router:2222", ("root", "router", 2222)),
        ("pi@[fe80::1%eth0]:22", ("pi", "fe80::1%eth0", 22)),
    ],
)
def test_a_machine_is_named_as_ssh_names_it(text: str, expected: tuple[str, str, int | None]) -> None:
    found = address.parse(text, "root")
    assert (found.user, found.host, found.port) == expected


@pytest.mark.parametrize(
    "text", ["", "@host", "-oProxyCommand=x@host", "pi@-x", "pi@h:0", "pi@h:99999", "a b", "pi@h\n"]
)
def test_what_is_no_machine_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="--host"):
        address.parse(text)


def test_a_password_in_the_name_of_a_machine_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidError, match="has a password") as raised:
        address.parse("pi:geheim@host")
    assert "geheim" not in str(raised.value)


def test_what_a_machine_says_is_told_from_what_its_shell_prints() -> None:
    noise = "Welcome!\nx model Fake\n" + "m" * 10_000 + "\n"
    lines = "\n".join(f"m {key} {value}" for key, value in PI.items())
    found = parse("m", f"{noise}{lines}\nm disk 7\nm end yes\n{noise}", "h")
    assert (found.model, found.disk, found.python) == ("Raspberry Pi 4 Model B Rev 1.4", 4_096_000_000, (3, 11))
    assert not found.is_active


def test_a_machine_that_says_nothing_of_use_is_no_machine() -> None:
    with pytest.raises(RemoteProtocolError, match="h did not say what it is"):
        parse("m", "This account is currently not available.\n", "h")


def test_escapes_of_a_machine_never_reach_a_terminal() -> None:
    assert machine(PI, PRETTY_NAME="\x1b]0;owned\x07Deb\u202eian").system.isprintable()
    assert last_lines("a\r\x1b[2Jb\n\n" + "c" * 999, 2)[0] == "\N{REPLACEMENT CHARACTER}[2Jb"
    assert len(shown("c" * 999)) == 200


@given(st.text())
def test_any_answer_is_a_machine_or_none(text: str) -> None:
    try:
        found = parse("m", text.replace("x", "\nm "), "h")
    except RemoteProtocolError:
        return
    assert all(value.isprintable() for value in dataclasses.asdict(found).values() if isinstance(value, str))


def test_the_look_runs_on_every_shell_and_says_what_this_machine_is() -> None:
    for shell in (["sh"], ["bash", "--posix"], ["busybox", "sh"]):
        said = subprocess.run([*shell, "-c", look("mark")], capture_output=True, text=True, check=True, timeout=60)
        found = parse("mark", said.stdout, "here")
        assert (found.machine, found.host) == (os.uname().machine, os.uname().nodename)
        assert found.disk > 0
        assert found.memory >= found.available > 0


def test_a_pi_and_a_router_are_recognised() -> None:
    assert recognised(machine(PI), candidates("pi"), "h").name == "raspberry-pi-4"
    assert recognised(machine(ROUTER), candidates("openwrt"), "h").name == "openwrt-mt7621"
    ipq = machine(ROUTER, target="qualcommax/ipq807x")
    assert recognised(ipq, candidates("openwrt"), "h").name == "openwrt-ipq807x"
    unknown = machine(PI, model="")
    assert recognised(unknown, candidates("raspberry-pi-3"), "h").name == "raspberry-pi-3"


@pytest.mark.parametrize(
    ("said", "word", "says"),
    [
        (PI, "openwrt", "h: is a raspberry-pi-4 .*say `ganglion flash raspberry-pi-4`"),
        (PI, "raspberry-pi-5", "is a raspberry-pi-4"),
        (ROUTER, "pi", "is a openwrt-mt7621"),
        (ROUTER | {"target": "ath79/generic"}, "openwrt", "is ath79/generic, which is none of openwrt-ipq40xx"),
        (PI | {"model": ""}, "pi", r"is Debian GNU/Linux 12 \(bookworm\) on aarch64, which is none of"),
    ],
)
def test_another_machine_than_was_named_is_not_taken(said: dict[str, str], word: str, says: str) -> None:
    with pytest.raises(InvalidError, match=says):
        recognised(machine(said), candidates(word), "h")


def test_only_what_is_reached_by_ssh_has_a_host() -> None:
    with pytest.raises(UsageError, match="pico-w is not reached by SSH"):
        candidates("pico-w")
    with pytest.raises(NotFoundError, match='did you mean "raspberry-pi-4"'):
        candidates("raspberry-pi4")


@pytest.mark.parametrize(
    ("said", "name", "says"),
    [
        (PI | {"form": ""}, "raspberry-pi-4", "neither dpkg nor opkg nor apk"),
        (PI | {"init": ""}, "raspberry-pi-4", "neither systemd nor procd"),
        (PI | {"architectures": "armhf"}, "raspberry-pi-4", "takes packages for armhf.* needs arm64: put the 64 bit"),
        (PI | {"python": "Python 3.9.2"}, "raspberry-pi-4", r"has Python 3\.9 and Ganglion needs 3\.11"),
        (ROUTER | {"form": "deb"}, "openwrt-mt7621", "takes packages of the form deb, and a openwrt-mt7621 apk, ipk"),
    ],
)
def test_a_machine_that_cannot_be_a_node_is_told_why(said: dict[str, str], name: str, says: str) -> None:
    with pytest.raises(GanglionError, match=says):
        checked_machine(machine(said), board(name), "pi@host")


def test_python_that_is_asked_for_is_that_of_the_distribution() -> None:
    from ganglion.flash.host.plan import _PYTHON

    project = tomllib.loads((linux_host.ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={'.'.join(map(str, _PYTHON))}"


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (packed(architecture="armhf"), r"ganglion\.deb: is for armhf, and pi@host needs arm64"),
        (packed("ipk"), r"is a \.ipk, and pi@host installs \.deb"),
        (packed(installed=10**10), r"has 4000000 KiB free of its disk and needs 97656\d\d"),
    ],
)
def test_a_package_that_does_not_fit_is_not_sent(made: Package, says: str) -> None:
    with pytest.raises(GanglionError, match=says):
        planned(machine(PI), "raspberry-pi-4", made)


def test_a_router_has_the_package_in_memory_first() -> None:
    made = packed("ipk", "mipsel_24kc", size=1 << 20)
    assert planned(machine(ROUTER), "openwrt-mt7621", made).due("package")
    with pytest.raises(GanglionError, match=r"512 KiB free of its memory and needs 20\d\d"):
        planned(machine(ROUTER, available="512"), "openwrt-mt7621", made)


def test_a_first_time_needs_a_broker_and_a_key() -> None:
    with pytest.raises(UsageError, match="--broker"):
        planned(machine(PI), "raspberry-pi-4", packed(), broker=None)
    with pytest.raises(UsageError, match="--enrol-key"):
        planned(machine(PI), "raspberry-pi-4", packed(), key="")
    assert planned(machine(PI), "raspberry-pi-4", packed(), name=None).name == "raspberrypi"


def test_what_is_so_already_is_not_done_again() -> None:
    made = packed()
    first = planned(machine(PI), "raspberry-pi-4", made)
    assert [step.due for step in first.steps] == [True] * 4
    later = machine(PI, installed="1.0", record=made.sha256, member="yes", service="active", enabled="enabled")
    again = planned(later, "raspberry-pi-4", made, first.config)
    assert again.is_empty
    assert again.key == ""
    stopped = dataclasses.replace(later, is_active=False)
    assert [step.name for step in planned(stopped, "raspberry-pi-4", made, first.config).steps if step.due] == [
        "service"
    ]
    other = planned(later, "raspberry-pi-4", packed(size=1001), first.config)
    assert other.steps[0].text == "install ganglion 1.0 (arm64, 0 KiB) in place of 1.0"
