# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion.cli.listening: an address is taken before anything else, or it is said why not and by which option."""

import re
import socket
from pathlib import Path

import pytest

from ganglion.cli.listening import bound
from ganglion.cli.main import main
from ganglion.errors import RefusedError, UsageError


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_free_port_is_bound_and_given_back(host: str) -> None:
    with bound(host, 0, "--port") as listener:
        port = listener.getsockname()[1]
        listener.listen()
        with pytest.raises(RefusedError, match=rf"{host}:{port} cannot be listened on .*: give another --port$"):
            bound(host, port, "--port")
    bound(host, port, "--port").close()


@pytest.mark.parametrize("host", ["192.0.2.1", "nosuch.invalid"])
def test_what_is_no_address_of_this_machine_is_wrong_usage(host: str) -> None:
    with pytest.raises(UsageError, match=rf"^{re.escape(host)}:0 cannot be listened on \(.+\): give another --http$"):
        bound(host, 0, "--http")


def test_the_gateway_and_mcp_say_the_same_of_a_port_that_somebody_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as used:
        port = used.getsockname()[1]
        assert main(["gateway", "--state", str(tmp_path), "--port", str(port)]) == 4
        of_gateway = capsys.readouterr().err
        assert main(["mcp", "--http", f"127.0.0.1:{port}", "--gateway", "http://127.0.0.1:1"]) == 4
        assert of_gateway.replace("--host or --port", "--http") == capsys.readouterr().err
