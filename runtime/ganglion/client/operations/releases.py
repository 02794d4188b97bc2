# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
"""Releases at the gateway."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ganglion.client.call import UNSET, Call, Unset

if TYPE_CHECKING:
    from ganglion.client import documents


def get_nodes_node_release(node: str) -> "Call[documents.NodeRelease]":
    """What a node should run, and what it has said of it."""
    return Call("GET", "/api/v1/nodes/{node}/release", {"node": node}, {})


def put_nodes_node_release(node: str, *, release: str | None) -> "Call[documents.NodeRelease]":
    """Have a node run a release; again, to have it tried again."""
    return Call("PUT", "/api/v1/nodes/{node}/release", {"node": node}, {}, {"release": release})


def get_releases(*, limit: int | None = None, cursor: str | None = None) -> "Call[documents.Releases]":
    """Every release, the newest first."""
    return Call("GET", "/api/v1/releases", {}, {"limit": limit, "cursor": cursor})


def post_releases(
    *,
    name: str,
    agent: Sequence[Mapping[str, Any]] | Unset = UNSET,
    files: Sequence[Mapping[str, Any]] | Unset = UNSET,
    requires: Mapping[str, Any] | Unset = UNSET,
    window: int | Unset = UNSET,
) -> "Call[documents.Release]":
    """Make a release of files that were sent; the same again is the same release."""
    return Call(
        "POST",
        "/api/v1/releases",
        {},
        {},
        {"agent": agent, "files": files, "name": name, "requires": requires, "window": window},
    )


def put_releases_files_digest(digest: str, payload: bytes) -> "Call[documents.SentFile]":
    """Send the content of a file for a release to come; again, nothing happens."""
    return Call("PUT", "/api/v1/releases/files/{digest}", {"digest": digest}, {}, payload)


def get_releases_release(release: str) -> "Call[documents.SignedRelease]":
    """One release."""
    return Call("GET", "/api/v1/releases/{release}", {"release": release}, {})


def get_releases_release_diff_other(release: str, other: str) -> "Call[documents.Difference]":
    """What another release has that this one has not."""
    return Call("GET", "/api/v1/releases/{release}/diff/{other}", {"release": release, "other": other}, {})


def get_releases_release_files_path(release: str, path: str) -> "Call[bytes]":
    """A file of a release."""
    return Call("GET", "/api/v1/releases/{release}/files/{path}", {"release": release, "path": path}, {}, raw=True)


def get_releases_release_nodes(
    release: str, *, limit: int | None = None, cursor: str | None = None
) -> "Call[documents.ReleaseNodes]":
    """The nodes that are to run it, and what each has said of it."""
    return Call("GET", "/api/v1/releases/{release}/nodes", {"release": release}, {"limit": limit, "cursor": cursor})


def post_wheels_check(*, name: str, pieces: Sequence[str]) -> "Call[documents.Agent]":
    """What a wheel of Ganglion is whose pieces were sent; nothing is made of it."""
    return Call("POST", "/api/v1/wheels/check", {}, {}, {"name": name, "pieces": pieces})
