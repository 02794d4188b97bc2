# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
"""Scripts at the gateway."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ganglion.client.call import UNSET, Call, Unset

if TYPE_CHECKING:
    from ganglion.client import documents


def get_nodes_node_scripts_name(node: str, name: str) -> "Call[documents.NodeScript]":
    """The text of a script that a node runs."""
    return Call("GET", "/api/v1/nodes/{node}/scripts/{name}", {"node": node, "name": name}, {})


def post_scripts_check(
    *, text: str, file: str | Unset = UNSET, language: str | Unset = UNSET
) -> "Call[documents.ScriptCheck]":
    """Say what is wrong with a script."""
    return Call("POST", "/api/v1/scripts/check", {}, {}, {"file": file, "language": language, "text": text})


def post_scripts_compile(*, text: str, file: str | Unset = UNSET) -> "Call[documents.ScriptPlan]":
    """Make the plan of a script that passes its own tests, for `scripts.put` of a node."""
    return Call("POST", "/api/v1/scripts/compile", {}, {}, {"file": file, "text": text})


def post_scripts_graph(
    *, text: str, file: str | Unset = UNSET, protocol: str | Unset | None = UNSET
) -> "Call[documents.ScriptGraphs]":
    """Draw the protocols of a script as flowcharts, in Mermaid."""
    return Call("POST", "/api/v1/scripts/graph", {}, {}, {"file": file, "protocol": protocol, "text": text})


def post_scripts_run(
    *,
    protocol: str,
    text: str,
    file: str | Unset = UNSET,
    llm: Any | Unset = UNSET,
    sensors: Mapping[str, Any] | Unset = UNSET,
    session: Mapping[str, Any] | Unset = UNSET,
    tools: Mapping[str, Any] | Unset = UNSET,
    value: Any | Unset = UNSET,
) -> "Call[documents.ScriptRun]":
    """Run a protocol once in virtual time; nothing outside of it is reached."""
    return Call(
        "POST",
        "/api/v1/scripts/run",
        {},
        {},
        {
            "file": file,
            "llm": llm,
            "protocol": protocol,
            "sensors": sensors,
            "session": session,
            "text": text,
            "tools": tools,
            "value": value,
        },
    )


def get_scripts_templates() -> "Call[documents.ScriptTemplates]":
    """Scripts to begin with."""
    return Call("GET", "/api/v1/scripts/templates", {}, {})


def post_scripts_test(
    *, text: str, file: str | Unset = UNSET, name: str | Unset = UNSET
) -> "Call[documents.ScriptTests]":
    """Run the tests of a script in virtual time."""
    return Call("POST", "/api/v1/scripts/test", {}, {}, {"file": file, "name": name, "text": text})
