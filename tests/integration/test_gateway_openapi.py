# SPDX-License-Identifier: GPL-3.0-or-later
"""The OpenAPI document of the repository: that of the code, and every operation keeps to it when it is searched."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import is_typeddict

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS

from ganglion_gateway.api.answers import ANSWERS
from ganglion_gateway.api.openapi import document
from support.gateway import Process, process

FILE = Path(__file__).parents[2] / "docs" / "openapi.json"
SCHEMA = schemathesis.openapi.from_path(FILE)
SCHEMA.config.generation.update(max_examples=int(os.environ.get("SCHEMATHESIS_EXAMPLES", "6")))
TOKENS: list[str] = []
#: Operations that answer what a node, or the mesh, has counted or told: any map.
ANYTHING = {"get_mesh_statistics", "get_nodes_node_episodes_run"}
#: What a document in a body may say has a grammar of its own, which a schema of JSON cannot tell: policies, limits,
#: URLs, durations. What is refused there is refused with a sentence, and other tests hold that to it.
NOT = [check for check in CHECKS.get_all() if check.__name__ == "positive_data_acceptance"]


def test_the_document_is_that_of_the_code() -> None:
    assert json.loads(FILE.read_text()) == json.loads(json.dumps(document())), (
        "docs/openapi.json is stale: python -m ganglion_gateway.api.openapi > docs/openapi.json"
    )


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for path in document()["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))


def test_every_answer_is_described() -> None:
    undescribed, known = set(), set()
    for methods in document()["paths"].values():
        for operation in methods.values():
            known.add(operation["operationId"])
            for status, answer in operation["responses"].items():
                schema = answer.get("content", {}).get("application/json", {}).get("schema")
                if status.startswith("2") and schema is not None and "$ref" not in schema:
                    undescribed.add(operation["operationId"])
    assert undescribed == {each for each, kind in ANSWERS.items() if not is_typeddict(kind)} == ANYTHING
    assert set(ANSWERS) <= known, "of operations that are no more"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with asyncio.Runner() as runner:
        state = tmp_path_factory.mktemp("gateway")
        context = process(state)
        started = runner.run(context.__aenter__())
        TOKENS[:] = [started.token]
        yield started
        runner.run(context.__aexit__(None, None, None))


@SCHEMA.auth(refresh_interval=None)
class _Token:
    """The administrator's token, as schemathesis wants it: it takes it away to see that nothing is answered then."""

    def get(self, case: schemathesis.Case, context: schemathesis.AuthContext) -> str:
        return TOKENS[0] if TOKENS else "none yet"

    def set(self, case: schemathesis.Case, data: str, context: schemathesis.AuthContext) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


@pytest.mark.untraced
@SCHEMA.parametrize()
@settings(
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_operation_keeps_to_the_document(case: schemathesis.Case, gateway: Process) -> None:
    if case.path.endswith("/watch"):  # an answer without end: so long, for us
        case.query = {**(case.query or {}), "seconds": 0.05}
    case.call_and_validate(
        base_url=gateway.url,
        excluded_checks=NOT,
        timeout=30,
    )
