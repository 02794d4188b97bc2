# SPDX-License-Identifier: GPL-3.0-or-later
"""The cases of tests/conformance/mova, and each as the bytes that `support.mova_replay` replays."""

from pathlib import Path
from typing import Any

import yaml

from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion_micro import cbor

HERE = Path(__file__).parents[1] / "conformance" / "mova"
CASES = [case for name in ("flow", "effects") for case in yaml.safe_load((HERE / f"{name}.yaml").read_text())]
OPERATORS = yaml.safe_load((HERE / "operators.yaml").read_text())
EVENT = {"id": "e", "source": "s", "topic": "t", "value": None, "payload": None, "timestamp": 0}


def recording(case: dict[str, Any]) -> bytes:
    """The case as the bytes that `replay` takes, here and under MicroPython."""
    plan = compile(load(case["document"], file="case.yaml")).encode()
    session = {"session_id": "s", "data": case["session"]} if "session" in case else None
    results = []
    for i, answer in enumerate(case["answers"]):
        ((kind, value),) = answer.items()
        results.append([(i + 2) * 1_000_000, kind, value])
    return cbor.encode([plan, "main", {**EVENT, **case.get("event", {})}, session, 1_000_000, results])
