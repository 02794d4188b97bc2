# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion jobs watch` ends by itself, also where no gateway ends the job."""

from collections.abc import Iterator
from typing import Any

import pytest

from ganglion.cli import jobs
from ganglion.client.call import Call
from ganglion.errors import UnreachableError

_NODE = {"node": "n1", "name": "fridge", "state": "waiting", "attempts": 1, "error": "no answer", "ended": None}
_JOB = {"id": "j1", "state": "running", "nodes": {"waiting": 1}, "ended": None}


class Client:
    """Follows a job that nobody ends; every answer is over when its seconds are."""

    def __init__(self, ended: int | None = None) -> None:
        self.asked: list[float] = []
        self._ended = ended

    def follow(self, call: Call[Any]) -> Iterator[dict[str, Any]]:
        assert call.query is not None
        self.asked.append(call.query["seconds"])
        yield {"node": _NODE}
        if self._ended == len(self.asked):
            yield {"job": {**_JOB, "state": "ended", "nodes": {"expired": 1}, "ended": 5}}
        yield {"job": _JOB}


def test_a_job_that_no_gateway_ends_is_waited_for_until_its_deadline_and_a_grace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(0, 1000, 20))
    monkeypatch.setattr(jobs.time, "monotonic", lambda: float(next(clock)))
    client = Client()
    with pytest.raises(UnreachableError, match="job j1 is past its deadline, and no gateway has ended it") as caught:
        jobs._watch(client, _JOB, left=10.0, as_json=False)  # type: ignore[arg-type]
    assert caught.value.exit_code == 5
    assert client.asked == [20.0]
    assert capsys.readouterr().out == "fridge  waiting  no answer\n"


def test_answers_that_end_before_the_job_are_asked_for_again(capsys: pytest.CaptureFixture[str]) -> None:
    client = Client(ended=3)
    result = jobs._watch(client, _JOB, left=7 * 86400.0, as_json=False)  # type: ignore[arg-type]
    assert isinstance(result, jobs.Result)
    assert result.exit_code == 5
    assert client.asked == [3600.0] * 3
    assert capsys.readouterr().out == "fridge  waiting  no answer\n", "told once"
