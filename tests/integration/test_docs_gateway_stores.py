# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/gateway-stores.md: every command is run, in order, against a PostgreSQL; gateways start and say that they do."""

import asyncio
import json
import os
import re
import shlex
import sys
from pathlib import Path

from ganglion_gateway.store.url import DatabaseUrl
from support.gateway import NO_BROKER
from support.postgres import PostgresServer, program

PAGE = (Path(__file__).parents[2] / "docs" / "gateway-stores.md").read_text()
LINES = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) for line in block.splitlines()
]
#: Seconds for one command.
PATIENCE = 60


async def test_every_command_does_what_the_page_says(postgres: PostgresServer, tmp_path: Path) -> None:
    for folder in ("etc/ganglion", "var/lib/ganglion", "var/backups"):
        (tmp_path / folder).mkdir(parents=True)
    known = {"PATH": f"{Path(program('createdb')).parent}:{os.environ['PATH']}", "PGUSER": "ganglion"}
    environment = {**os.environ, **known, "PGPORT": str(postgres.port), "PGHOST": "127.0.0.1", "PGDATABASE": "postgres"}
    meshes = []
    started: list[asyncio.subprocess.Process] = []
    try:
        for line in LINES:
            for there, here in (
                ("db.example", "127.0.0.1"),
                ("/etc/", f"{tmp_path}/etc/"),
                ("/var/", f"{tmp_path}/var/"),
            ):
                line = line.replace(there, here)
            if line.startswith("createuser"):
                continue  # the server has been made with that user
            words = shlex.split(line)
            if words[:2] == ["ganglion", "gateway"]:
                line = f"exec {sys.executable} -m {line}"
                if words[2].startswith("--"):
                    line += f" --port 0 --link none --broker {NO_BROKER}"
            child = await asyncio.create_subprocess_shell(line, stdout=-1, stderr=-1, env=environment)
            if words[:2] == ["ganglion", "gateway"] and words[2].startswith("--"):
                started.append(child)
                assert child.stdout is not None
                said = await asyncio.wait_for(child.stdout.readline(), PATIENCE)
                assert said, (await child.communicate())[1].decode()
                meshes.append(json.loads(said)["mesh"])
                continue
            _, errors = await asyncio.wait_for(child.communicate(), PATIENCE)
            assert child.returncode == 0, f"{line}: {errors.decode()}"
        assert len(meshes) == 3
        assert len(set(meshes)) == 1, "the same mesh, restored, and beside"
        rows = postgres.sql("SELECT DISTINCT holder FROM leases WHERE holder <> ''", "ganglion")
        assert len(rows) == 1, "one of the two that share it leads"
    finally:
        for child in started:
            if child.returncode is None:
                child.terminate()
            await asyncio.wait_for(child.communicate(), PATIENCE)
        postgres.drop(DatabaseUrl.parse(postgres.url("ganglion")))
