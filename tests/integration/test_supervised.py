# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that somebody started who wants to hear of it, as systemd does: that it runs, joins, lives and stops."""

import socket

from support.node import node

CONFIG = '[node]\nname = "attic"\n[mqtt]\nbroker = "{broker}"\n[sensor.host]\nkind = "system"\n'


async def test_a_node_says_that_it_runs_before_it_has_joined_and_that_it_lives_and_stops(tmp_path, monkeypatch, broker):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "300000")
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        async with node(tmp_path, CONFIG.format(broker=broker.url)) as started:
            await started.ready()
            said = [listening.recv(999)]
            while b"STATUS=runs, and has joined" not in said or said[-1] != b"WATCHDOG=1":
                said.append(listening.recv(999))
        assert said[0] == b"READY=1\nSTATUS=runs, and has not joined yet"
        listening.setblocking(False)
        while True:
            try:
                said.append(listening.recv(999))
            except BlockingIOError:
                break
        assert said[-1] == b"STOPPING=1"
