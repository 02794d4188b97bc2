# SPDX-License-Identifier: GPL-3.0-or-later
"""What the world answered in a run that an episode tells, to be answered again."""

from collections import deque
from typing import Any

from ganglion.mova.episode import MAX_RESULT
from ganglion.mova.ports import addressed
from ganglion_micro import effects as e
from ganglion_micro import plan as p
from ganglion_micro.effects import Failure
from ganglion_micro.run import Run
from ganglion_micro.talk import MAX_CALLS
from ganglion_micro.topic import matches

#: When something comes that never does, in nanoseconds since the Unix epoch.
NEVER = 1 << 63
_KINDS = {e.PUBLISH: "published", e.EMIT: "emitted", e.ACTUATE: "actuated"}


class Recording:
    """Answers as it was then. Steps are found by their ids, and of one id in their order.

    Attributes:
        now: Nanoseconds since the Unix epoch.
        cancelled: When the run was ended from outside; NEVER where it was not.
        happened: What the new run has said and set, as `(kind, name, value)`.
        remarks: What the recording cannot tell.
    """

    def __init__(self, recorded: dict[str, Any]) -> None:
        self.now: int = recorded["started"]
        self.cancelled: int = recorded["ended"] if recorded["status"] == "cancelled" else NEVER
        self.happened: list[tuple[str, str, Any]] = []
        self.remarks: list[str] = []
        self._steps: dict[str, deque[dict[str, Any]]] = {}
        for step in recorded["steps"]:
            if step["status"] != "skipped":
                self._steps.setdefault(step["id"], deque()).append(step)
        # Of each branch the step that it is at: its record, and that of then
        self._at: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {}

    def said(self, run: Run, effect: Any) -> str:
        """The result of an effect that waits for nothing: publish, emit, log."""
        then = self._then(run)
        self._happens(effect)
        return "" if then is None else str(then["detail"].get("event", ""))

    def answer(self, run: Run, effect: Any) -> tuple[int, Any]:
        """When the result of any other effect comes, and the result."""
        then = self._then(run)
        if effect.kind == e.WAIT:
            return self.now + effect.ns, None
        self._happens(effect)
        if effect.kind == e.LISTEN:
            return self._heard(run, effect, then)
        if then is None:
            return self.now, _unknown(run)
        if then["status"] == "cancelled":
            return NEVER, None
        calls = []
        if effect.kind == e.PROMPT and effect.tools:  # as many at once as are carried out, whatever they were then
            done = len(effect.rounds) * MAX_CALLS
            calls = _calls(then["detail"])[done : done + MAX_CALLS]
        if calls:
            return self.now, [None, then["detail"].get("model"), None, calls]
        if effect.kind == e.CALL_TOOL and run.talk is not None:
            return self._called(run, then)
        return self._end(run, then), self._result(run, effect, then)

    def _then(self, run: Run) -> dict[str, Any] | None:
        """The step as it is recorded; a step that is tried again, or asks for several things, has the same."""
        record, then = self._at.get(run.id, ({}, None))
        if record is not run.record:
            steps = self._steps.get(run.record["id"])
            then = steps.popleft() if steps else None
            if then is not None and then["action"] != run.record["action"]:
                then = None
            self._at[run.id] = run.record, then
        return then

    def _end(self, run: Run, then: dict[str, Any]) -> int:
        """When a step ends that takes as long as then."""
        began: int = run.record["started"]
        took: int = then["ended"] - then["started"]
        return max(self.now, began + took)

    def _happens(self, effect: Any) -> None:
        if effect.kind in _KINDS:
            name = effect.actuator if effect.kind == e.ACTUATE else effect.topic
            if effect.kind == e.PUBLISH:
                name = addressed(name, effect.to)
            self.happened.append((_KINDS[effect.kind], name, effect.value))

    def _heard(self, run: Run, effect: e.Listen, then: dict[str, Any] | None) -> tuple[int, Any]:
        """An event is given once: of others that came, and were not what the step waits for, nothing is known."""
        over = self.now + effect.ns if effect.ns else NEVER
        event = None if then is None else then["detail"].get("event")
        if event is None or then is None or not effect.topic:
            return over, None
        self._at[run.id] = run.record, None
        end = self._end(run, then)
        topic, value = effect.topic, event
        if isinstance(event, dict):
            topic, value = str(event.get("topic")), event.get("value")
        else:
            self._remark(then)
        if end > over or not matches(effect.topic, topic):
            return over, None
        heard = {"id": "", "source": "", "topic": topic, "value": value, "payload": value, "timestamp": end}
        return end, heard | {"retained": False}

    def _called(self, run: Run, then: dict[str, Any]) -> tuple[int, Any]:
        """What came of a tool that the model has asked for. Time goes by with the model's last word, or the last tool.

        Where the model goes on, nobody else has seen what the tool said, and it is not recorded.
        """
        assert run.talk is not None  # the caller has looked
        calls, i = then["detail"]["calls"], len(run.talk.rounds) * MAX_CALLS + len(run.talk.results or ())
        said = calls[i]
        goes_on = run.steps[run.at][p.ARGS][7]
        at = self._end(run, then) if not goes_on and i + 1 == len(calls) else self.now
        if "error" in said:
            return at, Failure("failed", str(said["error"]))
        body = None
        if not goes_on:
            result = then["detail"].get("result")
            results = [result] if len(calls) == 1 else result
            if not isinstance(results, list) or len(results) != len(calls):
                self._remark(then)
                results = [None] * len(calls)
            body = results[i]
        status = said["http_status"] if isinstance(said.get("http_status"), int) else 200
        if status >= 400 and isinstance(body, dict):
            body = body.get("error")
        return at, [status, body]

    def _result(self, run: Run, effect: Any, then: dict[str, Any]) -> Any:
        detail = then["detail"]
        if effect.kind == e.ACTUATE and "accepted" in detail:
            return [detail["accepted"] is True, detail.get("value"), str(detail.get("reason", ""))]
        if "otherwise" in detail:
            reason, _colon, message = str(detail["otherwise"]).partition(": ")
            return Failure(reason, message)
        if effect.kind == e.CALL_TOOL and isinstance(detail.get("http_status"), int):
            return [detail["http_status"], detail.get("result")]
        if "error" in detail:
            return Failure("failed", str(detail["error"]))
        if then["status"] != "completed" or effect.kind not in (e.PROMPT, e.READ):
            return _unknown(run)
        result = detail.get("result")
        if isinstance(result, str) and len(result) == MAX_RESULT + 1 and result.endswith("…"):
            self._remark(then)
        return [result, detail.get("model"), detail.get("tokens")] if effect.kind == e.PROMPT else result

    def _remark(self, then: dict[str, Any]) -> None:
        remark = f"step {then['id']}: its answer was too long to be recorded whole"
        if remark not in self.remarks:
            self.remarks.append(remark)


def unknown(step: str) -> str:
    """What is said of a step that the recording has no answer for."""
    return f"the recording has no answer for the step {step}"


def _unknown(run: Run) -> Failure:
    return Failure("failed", unknown(run.record["id"]))


def _calls(detail: dict[str, Any]) -> list[list[Any]]:
    """What a model asked for in a step, as `[id, tool, arguments]`; nothing where it was too long to be recorded."""
    calls = detail.get("calls")
    if not isinstance(calls, list) or not all(isinstance(each, dict) for each in calls):
        return []
    return [[str(i), each.get("tool"), each.get("arguments")] for i, each in enumerate(calls)]
