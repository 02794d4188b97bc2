# SPDX-License-Identifier: GPL-3.0-or-later
"""shims: network interfaces of the simulated board."""

from collections.abc import Iterator

import pytest

from ganglion.shims import board
from ganglion.shims.board.linux import LinuxBoard
from ganglion.shims.board.sim import SimBoard
from ganglion.shims.modules import network
from ganglion.shims.settings import Settings


@pytest.fixture
def sim() -> Iterator[SimBoard]:
    before, mine = board.current(), SimBoard()
    board.use(mine)
    yield mine
    board.use(before)


def test_a_station_connects_with_the_right_password_only(sim: SimBoard) -> None:
    sim.networks["home"] = "secret"
    wlan = network.WLAN(network.STA_IF)
    assert network.WLAN() is wlan
    with pytest.raises(OSError, match="Wifi Not Started"):
        wlan.connect("home", "secret")
    wlan.active(True)
    assert (wlan.active(), wlan.status(), wlan.isconnected()) == (True, network.STAT_IDLE, False)
    assert wlan.ifconfig() == ("0.0.0.0",) * 4
    for ssid, key, status in [
        ("away", "secret", network.STAT_NO_AP_FOUND),
        ("home", "wrong", network.STAT_WRONG_PASSWORD),
        (b"home", b"secret", network.STAT_GOT_IP),
    ]:
        wlan.connect(ssid, key)
        assert wlan.status() == status
        assert wlan.isconnected() == (status == network.STAT_GOT_IP)
    assert wlan.ifconfig() == ("192.168.4.2", "255.255.255.0", "192.168.4.1", "192.168.4.1")
    wlan.ifconfig(("10.0.0.2", "255.0.0.0", "10.0.0.1", "10.0.0.1"))
    assert (wlan.ipconfig("addr4"), wlan.ipconfig("gw4")) == (("10.0.0.2", "255.0.0.0"), "10.0.0.1")
    assert [entry[0] for entry in wlan.scan()] == [b"home"]
    assert (wlan.config("ssid"), len(wlan.config("mac")), wlan.status("rssi")) == ("home", 6, -50)
    wlan.config(pm=network.WLAN.PM_NONE)
    assert wlan.config("pm") == network.WLAN.PM_NONE
    with pytest.raises(ValueError, match="unknown config param"):
        wlan.config("colour")
    wlan.disconnect()
    assert not wlan.isconnected()
    with pytest.raises(ValueError, match="invalid WLAN interface"):
        network.WLAN(5)


def test_names_and_countries(sim: SimBoard) -> None:
    network.hostname("pico")
    assert network.hostname() == "pico"
    network.country("ua")
    assert network.country() == "UA"
    with pytest.raises(ValueError, match="two letters"):
        network.country("UKR")


def test_on_linux_the_system_connects_and_no_script() -> None:
    before = board.current()
    board.use(LinuxBoard(Settings(board="linux")))
    try:
        lan = network.LAN()
        with pytest.raises(OSError, match="set by this system's network configuration"):
            lan.ifconfig(("10.0.0.2", "255.0.0.0", "10.0.0.1", "10.0.0.1"))
        with pytest.raises(OSError, match="left to this system's network configuration"):
            network.WLAN().scan()
        address = lan.ifconfig()
        assert address is not None
        assert len(address) == 4
        assert lan.isconnected() == (address[0] != "0.0.0.0")
    finally:
        board.use(before)
