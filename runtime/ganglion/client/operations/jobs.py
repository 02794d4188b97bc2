# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
"""Jobs at the gateway."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ganglion.client.call import UNSET, Call, Unset

if TYPE_CHECKING:
    from ganglion.client import documents


def get_jobs(*, limit: int | None = None, cursor: str | None = None, node: str | None = None) -> "Call[documents.Jobs]":
    """Jobs, newest first."""
    return Call("GET", "/api/v1/jobs", {}, {"limit": limit, "cursor": cursor, "node": node})


def post_jobs(
    *,
    method: str,
    selector: str,
    concurrency: int | Unset = UNSET,
    deadline: str | Unset = UNSET,
    params: Mapping[str, Any] | Unset = UNSET,
    retries: int | Unset = UNSET,
    timeout: str | Unset = UNSET,
) -> "Call[documents.Job]":
    """Have nodes do something, those that sleep when they wake."""
    return Call(
        "POST",
        "/api/v1/jobs",
        {},
        {},
        {
            "concurrency": concurrency,
            "deadline": deadline,
            "method": method,
            "params": params,
            "retries": retries,
            "selector": selector,
            "timeout": timeout,
        },
    )


def get_jobs_job(job: str) -> "Call[documents.Job]":
    """One job, and how many nodes are how far."""
    return Call("GET", "/api/v1/jobs/{job}", {"job": job}, {})


def post_jobs_job_cancel(job: str) -> "Call[documents.Job]":
    """Begin it nowhere any more, and end it where it is under way."""
    return Call("POST", "/api/v1/jobs/{job}/cancel", {"job": job}, {}, {})


def get_jobs_job_nodes(
    job: str, *, limit: int | None = None, cursor: str | None = None, state: str | None = None
) -> "Call[documents.JobNodes]":
    """What came of a job at each node."""
    return Call("GET", "/api/v1/jobs/{job}/nodes", {"job": job}, {"limit": limit, "cursor": cursor, "state": state})


def get_jobs_job_watch(job: str, *, seconds: float | None = None) -> "Call[dict[str, Any]]":
    """What comes of a job as it does, a JSON document a line, until it ends."""
    return Call("GET", "/api/v1/jobs/{job}/watch", {"job": job}, {"seconds": seconds})
