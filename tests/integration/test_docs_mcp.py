# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/mcp.md: what it starts is started as it says, over both transports, and has the tools of its table."""

import json
import re
import shlex
from pathlib import Path

from mcp import Client

from support.gateway import here, served
from support.mcp_client import http_server, over_http, stdio

PAGE = (Path(__file__).parents[2] / "docs" / "mcp.md").read_text()
[CONFIGURATION] = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
[COMMAND] = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
TOOLS = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))


async def test_the_page_is_done_as_it_says(tmp_path: Path) -> None:
    started = CONFIGURATION["mcpServers"]["ganglion"]
    assert started["command"] == "ganglion"
    program, *words = shlex.split(COMMAND.replace(":8480", ":0"))
    assert program == "ganglion"
    async with here(tmp_path / "state") as site, served(site) as url:
        async with stdio(url, site.token, started["args"]) as client:
            await _serves(client)
        async with http_server(url, words) as mcp, over_http(mcp, site.token) as client:
            await _serves(client)


async def _serves(client: Client) -> None:
    assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
    assert len(TOOLS) == 8
    assert (await client.call_tool("list", {})).structured_content == {"nodes": [], "of": 0}
