# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes by which operators see, change and delete the policy of the mesh, and see members as it does."""

from typing import Any

from fastapi import APIRouter, Depends
from starlette.exceptions import HTTPException

from ganglion.errors import InvalidError
from ganglion.mesh.credential import GATEWAY, NODE
from ganglion.mesh.policy import Policy, read
from ganglion.mesh.signed_config import POLICIES
from ganglion.sentences import say
from ganglion_gateway.api.documents import PolicyBody
from ganglion_gateway.api.query import of_requests
from ganglion_gateway.api.routes import NodeName, Who
from ganglion_gateway.problems import RESPONSES
from ganglion_gateway.services import Services


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api/v1/mesh", responses=RESPONSES, dependencies=[Depends(of_requests)], tags=["policy"])

    def stated() -> dict[str, Any]:
        """What holds; `issued` is None where no operator has said anything yet."""
        signed = services.mesh.config(POLICIES)
        return {**services.mesh.policy.document, "issued": None if signed is None else signed.issued}

    @router.get("/policy", summary="Who may do what")
    async def show() -> dict[str, Any]:
        return stated()

    @router.post("/policy", summary="Have these rules hold from now on, everywhere")
    async def put(body: PolicyBody, who: Who) -> dict[str, Any]:
        policy = read({"rules": body.rules})
        if not policy.rules:
            raise InvalidError(
                say("a policy without rules refuses everything: POST to /api/v1/mesh/policy/delete if that is meant"),
                where="policy.rules",
            )
        before = services.mesh.policy
        if body.version is not None and body.version != before.version:
            detail = say(
                "the policy was changed meanwhile: this one was made from {old}, and {new} holds; "
                "show it again, or leave the version out",
                old=body.version,
                new=before.version,
            )
            raise HTTPException(409, detail)
        made = services.mesh.set_config(POLICIES, policy)
        await services.note(who, "policy.set", str(made.version), _changes(before, made))
        return stated()

    @router.post("/policy/delete", summary="Refuse everything but joining, until there is a policy again")
    async def delete(who: Who) -> dict[str, Any]:
        before = services.mesh.policy
        made = services.mesh.set_config(POLICIES, Policy(0, ()))
        await services.note(who, "policy.delete", str(made.version), _changes(before, made))
        return stated()

    @router.get("/parties/{node}", summary="A member as the policy sees it, and which policy it has")
    async def party(node: NodeName) -> dict[str, Any]:
        if node in (GATEWAY, services.mesh.node_id):
            own = services.mesh.node_id
            version = services.mesh.policy.version
            return {"id": own, "name": GATEWAY, "roles": [GATEWAY], "tags": [], "policy": version}
        known = services.fleet.find(node)
        version_of = services.mesh.policy_of(known.id)
        return {
            "id": known.id,
            "name": known.name,
            "roles": [NODE],
            "tags": known.facts.credential,
            "policy": version_of,
        }

    return router


def _changes(before: Policy, made: Policy) -> dict[str, Any]:
    """For the audit: the names of rules that came, went or became others."""
    old, new = ({rule.name: rule for rule in policy.rules} for policy in (before, made))
    changed = [name for name in new if name in old and new[name] != old[name]]
    return {
        "before": before.version,
        "added": [name for name in new if name not in old],
        "removed": [name for name in old if name not in new],
        "changed": changed,
    }
