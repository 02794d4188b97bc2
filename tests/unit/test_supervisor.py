# SPDX-License-Identifier: GPL-3.0-or-later
"""sd_notify(3): what a service says to who started it, on a real socket."""

import os
import socket

import pytest

from ganglion.linux.supervisor import Supervisor


@pytest.fixture(params=["path", "abstract"])
def heard(request, tmp_path):
    """A supervisor's socket, and the address that a service gets of it."""
    name = f"ganglion-{os.getpid()}-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "s") if request.param == "path" else f"\0{name}")
        listening.settimeout(10)
        yield listening, str(tmp_path / "s") if request.param == "path" else f"@{name}"


def test_what_it_says_arrives_at_a_path_and_in_the_abstract_name_space(heard):
    listening, address = heard
    supervisor = Supervisor(address)
    supervisor.ready("senses")
    supervisor.status("has joined")
    supervisor.stopping()
    assert [listening.recv(99) for _ in range(3)] == [b"READY=1\nSTATUS=senses", b"STATUS=has joined", b"STOPPING=1"]


def test_it_says_that_it_lives_three_times_as_often_as_it_is_asked_to(heard):
    listening, address = heard
    supervisor = Supervisor(address, within=30.0)
    for now in range(100, 131):
        supervisor.alive(float(now))
    listening.setblocking(False)
    assert [listening.recv(99) for _ in range(4)] == [b"WATCHDOG=1"] * 4
    with pytest.raises(BlockingIOError):
        listening.recv(99)


@pytest.mark.parametrize(
    ("environment", "beats"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 1),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 1),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, 0),
        ({"WATCHDOG_USEC": "soon"}, 0),
        ({}, 0),
    ],
)
def test_the_environment_says_who_asks_and_no_child_inherits_it(heard, environment, beats):
    listening, address = heard
    given = {**environment, "NOTIFY_SOCKET": address, "HOME": "/root"}
    supervisor = Supervisor.of(given)
    assert given == {"HOME": "/root"}
    supervisor.alive(1.0)
    supervisor.stopping()
    said = [listening.recv(99) for _ in range(beats + 1)]
    assert said == [b"WATCHDOG=1"] * beats + [b"STOPPING=1"]


def test_nobody_is_told_where_nobody_asks_and_a_deaf_one_ends_nothing(tmp_path, caplog):
    Supervisor().ready("senses")
    assert not caplog.records
    Supervisor(str(tmp_path / "gone")).ready("senses")
    assert "NOTIFY_SOCKET hears nothing: No such file or directory" in caplog.text
