# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/gateway-stores.md: every command is run, in order, against a PostgreSQL; gateways start and share a mesh."""

import argparse
import asyncio
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from ganglion.cli.main import main
from ganglion_gateway import command
from ganglion_gateway.gateway import open_gateway
from ganglion_gateway.store.url import DatabaseUrl
from support.gateway import NO_BROKER
from support.postgres import PostgresServer, program
from support.waiting import until

PAGE = (Path(__file__).parents[2] / "docs" / "gateway-stores.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
#: Seconds for one command.
PATIENCE = 60


@pytest.fixture
def lines(postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The commands, for this server and folder; their database is gone afterwards."""
    for folder in ("etc/ganglion", "var/lib/ganglion", "var/backups"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{Path(program('createdb')).parent}:{os.environ['PATH']}")
    for name, value in {"PGPORT": postgres.port, "PGUSER": "ganglion"}.items():
        monkeypatch.setenv(name, str(value))
    page = "".join(BLOCKS).replace("db.example", "127.0.0.1")
    for folder in ("/etc/", "/var/"):
        page = page.replace(folder, f"{tmp_path}{folder}")
    # The server has been made with that user
    yield [line for line in page.splitlines() if not line.startswith("createuser")]
    postgres.drop(DatabaseUrl.parse(postgres.url("ganglion")))


async def test_every_command_does_what_the_page_says(lines: list[str], postgres: PostgresServer) -> None:
    parser = argparse.ArgumentParser()
    command.arguments(parser, argparse.ArgumentParser(add_help=False))
    async with AsyncExitStack() as running:
        meshes = []
        for line in lines:
            words = shlex.split(line)
            if words[:2] != ["ganglion", "gateway"]:
                await asyncio.to_thread(subprocess.run, line, shell=True, check=True, timeout=PATIENCE)
            elif words[2].startswith("--"):
                chosen = command.settings(parser.parse_args([*words[2:], "--link", "none", "--broker", NO_BROKER]))
                gateway = await running.enter_async_context(open_gateway(chosen))
                meshes.append(gateway.mesh_id)
                if len(meshes) == 1:
                    await until(lambda gateway=gateway: gateway.services.leases.holds("relay"), what="it leads")
            else:
                assert await asyncio.wait_for(asyncio.to_thread(main, words[1:]), PATIENCE) == 0, line
        assert (len(meshes), len(set(meshes))) == (3, 1), "the same mesh, restored, and beside"
        rows = postgres.sql(
            "SELECT count(DISTINCT holder) FROM leases WHERE holder <> '' AND name = 'relay'", "ganglion"
        )
        assert rows == [(1,)], "one of the two that share it leads"
