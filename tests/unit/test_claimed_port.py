# SPDX-License-Identifier: GPL-3.0-or-later
"""Two sites that start in the same moment do not choose the same port."""

import socket

from ganglion_tools.broker import claimed_port, free_port


def test_a_port_is_claimed_by_one_until_it_lets_go() -> None:
    usual = free_port()
    with claimed_port(usual) as one, claimed_port(usual) as other:
        assert one == usual
        assert other not in (usual, 0)
    with claimed_port(usual) as again:
        assert again == usual


def test_a_port_on_which_somebody_listens_is_not_claimed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        usual = server.getsockname()[1]
        with claimed_port(usual) as port:
            assert port not in (usual, 0)
