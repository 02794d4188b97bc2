# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to the gateway as data: what is sent, and that the functions which make them are those of the document."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ganglion.client.call import LINES, Answers, Call
from ganglion.client.operations import access, enrolment, events, fleet, mesh, rollouts
from ganglion.errors import GanglionError
from ganglion_gateway import client
from ganglion_gateway.access.permissions import TABLE
from ganglion_tools import client_operations

ANSWERS = Answers("http://gateway.test", "the test")


def test_the_functions_are_those_of_the_document() -> None:
    document = json.loads((client_operations.ROOT / "docs" / "openapi.json").read_text())
    written = client_operations.modules(document)
    there = {path.stem for path in client_operations.FOLDER.glob("*.py")} - {"__init__"}
    assert there == set(written), "python -m ganglion_tools.client_operations"
    for tag, text in written.items():
        kept = (client_operations.FOLDER / f"{tag}.py").read_text()
        assert kept == client_operations.formatted(text), f"{tag} is stale: python -m ganglion_tools.client_operations"


def test_the_client_for_programs_has_all_of_them() -> None:
    there = {path.stem for path in client_operations.FOLDER.glob("*.py")} - {"__init__"}
    assert there <= set(client.__all__)
    assert all(hasattr(client, name) for name in client.__all__)


def test_a_path_is_written_for_what_stands_in_it() -> None:
    assert fleet.get_nodes_node("a/b ?").target == "/api/v1/nodes/a%2Fb%20%3F"
    assert mesh.get_kv_keys_key("a/b").target == "/api/v1/kv/keys/a%2Fb"
    wanted = fleet.get_nodes_node_readings("x", sensor="t&1", since=5)
    assert wanted.target == "/api/v1/nodes/x/readings?sensor=t%261&since=5"
    assert events.get_events(class_="alert").page("abc").target == "/api/v1/events?cursor=abc&class=alert"
    of_two = rollouts.get_rollouts_rollout_nodes("r", state=["failed", "waiting"])
    assert of_two.target == "/api/v1/rollouts/r/nodes?state=failed&state=waiting"
    assert mesh.get_kv_watch(seconds=0.5).target == "/api/v1/kv/watch?seconds=0.5"


def test_what_is_not_given_is_not_sent() -> None:
    assert json.loads(enrolment.post_enrol_keys(uses=2).data or b"") == {"uses": 2}
    assert json.loads(mesh.post_kv_keys_key("k", add=None).data or b"") == {"add": None}
    assert access.get_users().data is None
    assert Call[None]("PUT", "/x", body=b"\0").headers("")["Content-Type"] == "application/octet-stream"


def test_headers_say_who_asks_and_what_is_taken() -> None:
    sent = enrolment.post_enrol_keys().once("k1").headers("t0ken", LINES)
    assert sent["Authorization"] == "Bearer t0ken"
    assert sent["Accept"] == LINES
    assert sent["Idempotency-Key"] == "k1"
    assert "Authorization" not in access.get_users().headers("")


def test_a_page_without_its_list_is_of_no_gateway() -> None:
    for page in (None, [], {}, {"nodes": {}}):
        with pytest.raises(GanglionError, match="no gateway of ours"):
            ANSWERS.listed(fleet.get_nodes(), page, "nodes")


def test_every_path_of_the_functions_is_one_of_the_table() -> None:
    known = {path.replace(":path}", "}") for path in TABLE}
    for path in client_operations.FOLDER.glob("*.py"):
        for word in path.read_text().split('"'):
            assert not word.startswith("/api/") or word in known


def test_a_command_needs_nothing_of_the_gateway_package(tmp_path: Path) -> None:
    """The client that commands use is there, and quick, where the extra `gateway` is not installed."""
    code = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"ganglion_gateway", "httpx", "pydantic", "fastapi", "asyncio"}:
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
from ganglion.client.sync import GatewayClient
from ganglion.client.operations import fleet
from ganglion.cli import devices, users, api_key, login
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_asking_for_help_loads_no_client() -> None:
    code = """
import sys
from ganglion.cli.main import main
try:
    main(["--help"])
except SystemExit:
    pass
heavy = ("ganglion.client", "ganglion.cli.users", "urllib.request")
assert not [name for name in sys.modules if name.startswith(heavy)]
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, stdout=subprocess.DEVNULL)
