# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Prometheus on loopback, with the configuration of this repository."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from support.brokers import free_ports
from support.waiting import until_answered

DEPLOY = Path(__file__).parents[2] / "gateway" / "deploy"


@asynccontextmanager
async def prometheus(folder: Path, target: str, token: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Scrapes a gateway; gives a client of its API.

    Args:
        folder: Where it keeps its data.
        target: `host:port` of the gateway.
        token: The file with its token.
    """
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    config["global"]["scrape_interval"] = "1s"
    [job] = config["scrape_configs"]
    job["static_configs"][0]["targets"] = [target]
    job["authorization"]["credentials_file"] = str(token)
    config["rule_files"] = [str(DEPLOY / "prometheus" / name) for name in config["rule_files"]]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    [port] = free_ports(1)
    process = await asyncio.create_subprocess_exec(
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            await until_answered(lambda: _is_ready(http), what="Prometheus")
            yield http
    finally:
        process.terminate()
        await process.wait()


async def _is_ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/-/ready")).status_code == 200
    except httpx.TransportError:
        return False


async def ask(http: httpx.AsyncClient, query: str) -> list[dict[str, Any]]:
    """What an instant query gives; fails where Prometheus does not understand it."""
    answer = (await http.get("/api/v1/query", params={"query": query})).json()
    assert answer["status"] == "success", f"{query}: {answer['error']}"
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found
