# SPDX-License-Identifier: GPL-3.0-or-later
# Written by `python -m ganglion_tools.client_operations` from docs/openapi.json: change the routes, not this.
"""Rollouts at the gateway."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ganglion.client.call import UNSET, Call, Unset

if TYPE_CHECKING:
    from ganglion.client import documents


def get_rollouts(
    *, limit: int | None = None, cursor: str | None = None, state: str | None = None
) -> "Call[documents.Rollouts]":
    """Rollouts, the newest first."""
    return Call("GET", "/api/v1/rollouts", {}, {"limit": limit, "cursor": cursor, "state": state})


def post_rollouts(
    *,
    release: str,
    selector: str,
    alerts: int | Unset | None = UNSET,
    at_once: int | Unset = UNSET,
    bounds: Sequence[str] | Unset = UNSET,
    crashes: int | Unset = UNSET,
    id_: str | Unset | None = UNSET,
    patience: str | Unset = UNSET,
    quorum: int | Unset = UNSET,
    send_back: bool | Unset = UNSET,
    soak: str | Unset = UNSET,
    stages: Sequence[str] | Unset = UNSET,
    tolerate: str | Unset = UNSET,
    tolerate_stage: str | Unset = UNSET,
) -> "Call[documents.Rollout]":
    """Bring a release to nodes, stage by stage."""
    return Call(
        "POST",
        "/api/v1/rollouts",
        {},
        {},
        {
            "alerts": alerts,
            "at_once": at_once,
            "bounds": bounds,
            "crashes": crashes,
            "id": id_,
            "patience": patience,
            "quorum": quorum,
            "release": release,
            "selector": selector,
            "send_back": send_back,
            "soak": soak,
            "stages": stages,
            "tolerate": tolerate,
            "tolerate_stage": tolerate_stage,
        },
    )


def post_rollouts_plan(
    *,
    release: str,
    selector: str,
    alerts: int | Unset | None = UNSET,
    at_once: int | Unset = UNSET,
    bounds: Sequence[str] | Unset = UNSET,
    crashes: int | Unset = UNSET,
    id_: str | Unset | None = UNSET,
    patience: str | Unset = UNSET,
    quorum: int | Unset = UNSET,
    send_back: bool | Unset = UNSET,
    soak: str | Unset = UNSET,
    stages: Sequence[str] | Unset = UNSET,
    tolerate: str | Unset = UNSET,
    tolerate_stage: str | Unset = UNSET,
) -> "Call[documents.Plan]":
    """Say what a rollout would do, and do nothing."""
    return Call(
        "POST",
        "/api/v1/rollouts/plan",
        {},
        {},
        {
            "alerts": alerts,
            "at_once": at_once,
            "bounds": bounds,
            "crashes": crashes,
            "id": id_,
            "patience": patience,
            "quorum": quorum,
            "release": release,
            "selector": selector,
            "send_back": send_back,
            "soak": soak,
            "stages": stages,
            "tolerate": tolerate,
            "tolerate_stage": tolerate_stage,
        },
    )


def get_rollouts_rollout(rollout: str) -> "Call[documents.Rollout]":
    """A rollout, in numbers."""
    return Call("GET", "/api/v1/rollouts/{rollout}", {"rollout": rollout}, {})


def post_rollouts_rollout_abort(
    rollout: str, *, send_back: bool | Unset = UNSET, why: str | Unset = UNSET
) -> "Call[documents.Rollout]":
    """End it, and take it back from those that are on the way."""
    return Call(
        "POST", "/api/v1/rollouts/{rollout}/abort", {"rollout": rollout}, {}, {"send_back": send_back, "why": why}
    )


def get_rollouts_rollout_nodes(
    rollout: str, *, limit: int | None = None, cursor: str | None = None, state: Sequence[str] | None = None
) -> "Call[documents.RolloutNodes]":
    """Its nodes, in the order in which it comes to them."""
    return Call(
        "GET",
        "/api/v1/rollouts/{rollout}/nodes",
        {"rollout": rollout},
        {"limit": limit, "cursor": cursor, "state": state},
    )


def get_rollouts_rollout_notes(
    rollout: str, *, limit: int | None = None, cursor: str | None = None
) -> "Call[documents.Notes]":
    """What happened in it, the first first."""
    return Call("GET", "/api/v1/rollouts/{rollout}/notes", {"rollout": rollout}, {"limit": limit, "cursor": cursor})


def post_rollouts_rollout_pause(rollout: str) -> "Call[documents.Rollout]":
    """Come to no node more, for now."""
    return Call("POST", "/api/v1/rollouts/{rollout}/pause", {"rollout": rollout}, {}, {})


def get_rollouts_rollout_report(rollout: str) -> "Call[documents.Report]":
    """A rollout, what happened in it, and who had trouble."""
    return Call("GET", "/api/v1/rollouts/{rollout}/report", {"rollout": rollout}, {})


def post_rollouts_rollout_resume(rollout: str) -> "Call[documents.Rollout]":
    """Go on."""
    return Call("POST", "/api/v1/rollouts/{rollout}/resume", {"rollout": rollout}, {}, {})


def get_rollouts_rollout_watch(rollout: str, *, seconds: float | None = None) -> "Call[dict[str, Any]]":
    """A rollout as it goes on, a JSON document a line, until it ends."""
    return Call("GET", "/api/v1/rollouts/{rollout}/watch", {"rollout": rollout}, {"seconds": seconds})
