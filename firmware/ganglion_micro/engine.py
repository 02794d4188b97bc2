# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the plans that `ganglion.mova.compile` makes: events and results in, effects out, one effect at a time a run.

Nothing here reads a clock, sleeps, sends or draws a random number: `now` (nanoseconds since the Unix epoch) and
`random` come in, `effects.py` says what goes out. The plan is never written to, so one plan serves any number of runs;
what a run knows is in its `Run`. A run ends with `Done`, which carries its episode.
"""

from ganglion_micro import plan as p
from ganglion_micro.condition import holds, target
from ganglion_micro.effects import Actuate, CallTool, Done, Emit, Failure, Log, Prompt, Publish, Read, Wait
from ganglion_micro.expression import MISSING, evaluate, lookup
from ganglion_micro.plan import (
    ACTIONS,
    ACTUATE,
    ARGS,
    CALL,
    CONDITION,
    EMIT,
    END,
    GATE,
    ID,
    LOG,
    NEXT,
    OP,
    PROMPT,
    PUBLISH,
    READ,
    SAVE,
    SET,
    TOOL,
    WAIT,
)
from ganglion_micro.schema import invalid
from ganglion_micro.template import render
from ganglion_micro.text import text

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Steps that an episode tells; those after are counted. An episode must fit one message of 64 KiB.
MAX_RECORDS = 128
#: Protocols inside one another.
MAX_CALLS = 8
#: The longest pause between two tries.
MAX_BACKOFF = 30_000_000_000


class Run:
    """What one run knows. The engine alone writes to it."""

    __slots__ = (
        "again",
        "at",
        "calls",
        "count",
        "data",
        "deadline",
        "event",
        "id",
        "limit",
        "missing",
        "omitted",
        "protocol",
        "record",
        "records",
        "retrying",
        "scope",
        "started",
        "steps",
        "title",
        "trigger",
    )

    def __init__(
        self, run_id: str, protocol: "list[Any]", event: "dict[str, Any]", data: "dict[str, Any]", now: int
    ) -> None:
        self.id = run_id
        self.protocol = protocol
        self.title: str = protocol[p.TITLE]
        self.steps: "list[Any]" = protocol[p.STEPS]
        self.limit: int = protocol[p.MAX_STEPS]
        self.deadline: int = now + protocol[p.BUDGET] if protocol[p.BUDGET] else 0
        self.event = event
        self.data = data
        self.started = now
        self.trigger = ""
        self.at = 0
        self.count = 0
        self.omitted = 0
        self.records: "list[dict[str, Any]]" = []
        self.record: "dict[str, Any]" = {}
        self.missing: "list[str]" = []
        self.calls: "list[Any]" = []
        self.again = False  # the step at hand is tried once more, its record is there
        self.retrying = False  # the effect that is waited for is the pause before that
        self.scope: "dict[str, Any]" = {}


class Engine:
    """All runs of one plan.

    Args:
        body: What `plan.unpack` gave.
        random: Gives a number from 0 to 1 for the jitter of retries; None for none.
    """

    def __init__(self, body: "list[Any]", random: "Callable[[], float] | None" = None) -> None:
        self.body = body
        self.runs: "dict[str, Run]" = {}
        self._name: str = body[p.NAME]
        self._protocols: "list[Any]" = body[p.PROTOCOLS]
        self._random = random
        self._count = 0

    def index(self, name: str) -> int:
        """The place of a protocol in the plan.

        Raises:
            KeyError: there is none of that name.
        """
        for i in range(len(self._protocols)):
            if self._protocols[i][p.TITLE] == name:
                return i
        raise KeyError(name)

    def start(
        self,
        protocol: "str | int",
        event: "dict[str, Any]",
        session: "dict[str, Any] | None",
        now: int,
        run_id: str = "",
        trigger: str = "",
    ) -> "list[Any]":
        """Begins a run and returns its first effect.

        Args:
            protocol: Its name, or its index.
            event: `id source topic value payload timestamp`, which the script sees as `event`.
            session: `session_id` and `data` to begin with; None for what the document says. It is not written to.
            run_id: Unique among the runs of this engine; empty for a number.

        Raises:
            KeyError: there is no such protocol.
        """
        body = self.body
        chosen = self._protocols[protocol if type(protocol) is int else self.index(str(protocol))]
        if not run_id:
            self._count += 1
            run_id = str(self._count)
        data = dict(body[p.DATA] if session is None else session.get("data", {}))
        run = Run(run_id, chosen, event, data, now)
        run.trigger = trigger
        known = {"data": data, "session_id": run_id if session is None else session.get("session_id", run_id)}
        run.scope = {"event": event, "session": known, "profile": body[p.PROFILE]}
        self.runs[run_id] = run
        return self._advance(run, now)

    def resume(self, run_id: str, result: "Any", now: int) -> "list[Any]":
        """Takes the result of a run's effect, or a `Failure`, and returns the next effect.

        Nothing comes of a result for a run that has ended: it was cancelled while the world was busy.
        """
        run = self.runs.get(run_id)
        if run is None:
            return []
        if run.deadline and now >= run.deadline:
            return self.expire(run_id, now)
        if run.retrying:
            run.retrying = False
            run.again = True
            run.record["attempts"] += 1
            return self._advance(run, now)
        step = run.steps[run.at]
        failure = result if isinstance(result, Failure) else self._take(run, step, result)
        if failure is not None:
            effects = self._failed(run, failure, now)
            return self._advance(run, now) if effects is None else effects
        self._completed(run, now)
        run.at = step[NEXT]
        return self._advance(run, now)

    def cancel(self, run_id: str, reason: str, now: int) -> "list[Any]":
        """Ends a run from outside; its episode says why."""
        run = self.runs.get(run_id)
        return [] if run is None else self._end(run, "cancelled", reason, now)

    def expire(self, run_id: str, now: int) -> "list[Any]":
        """Ends a run that has used up its `budget_ms`."""
        run = self.runs.get(run_id)
        if run is None:
            return []
        return self._end(run, "failed", "over its budget of {} ms".format((run.deadline - run.started) // 1000000), now)

    def key(self, protocol: int, event: "dict[str, Any]") -> str:
        """The idempotency key of a run that would begin with this event; empty where the protocol has none."""
        template = self._protocols[protocol][p.KEY]
        if template is None:
            return ""
        scope = {"event": event, "session": {"data": self.body[p.DATA]}, "profile": self.body[p.PROFILE]}
        return text(render(template, scope, self.body[p.DATA], []))

    def _advance(self, run: Run, now: int) -> "list[Any]":
        """Goes on until a step asks something of the world."""
        while True:
            if run.at >= len(run.steps):
                if not run.calls:
                    return self._end(run, "completed", None, now)
                self._return(run, now)
                continue
            step = run.steps[run.at]
            run.count += 1
            if run.count > run.limit:
                return self._end(run, "failed", "cut after {} steps: a loop that does not end".format(run.limit), now)
            try:
                if run.again:
                    run.again = False
                else:
                    run.record = {
                        "id": step[ID],
                        "action": ACTIONS[step[OP]],
                        "status": "running",
                        "started": now,
                        "ended": now,
                        "attempts": 1,
                        "detail": {},
                    }
                    if len(run.records) < MAX_RECORDS:
                        run.records.append(run.record)
                    else:
                        run.omitted += 1
                    if step[GATE] is not None and not holds(step[GATE], run.scope, run.data, run.missing):
                        run.record["status"] = "skipped"
                        run.at = step[NEXT]
                        continue
                effect = self._do(run, step, now)
            except ValueError as error:
                effects = self._failed(run, Failure("failed", str(error)), now)
                if effects is not None:
                    return effects
                continue
            if effect is not None:
                return [effect]

    def _do(self, run: Run, step: "list[Any]", now: int) -> "Any":
        """Carries a step out as far as the engine alone can; the effect that it needs, or None."""
        op = step[OP]
        args = step[ARGS]
        scope = run.scope
        data = run.data
        missing = run.missing
        if op == PUBLISH:
            topic = text(render(args[0], scope, data, missing))
            return Publish(run.id, topic, render(args[1], scope, data, missing), args[2])
        if op == END:
            self._completed(run, now)
            run.at = len(run.steps)
            return None
        if op == CONDITION:
            found = target(args, scope, data, missing)
            run.at = found if found >= 0 else step[NEXT]
            if run.at < len(run.steps):
                run.record["detail"]["next"] = run.steps[run.at][ID]
            self._completed(run, now)
            return None
        if op == SET:
            for i in range(0, len(args), 2):
                value = evaluate(args[i + 1], scope, data)
                if value is MISSING:
                    raise ValueError("{} is not set".format(".".join([str(key) for key in args[i + 1][1]])))
                self._store(run, args[i], value)
            self._completed(run, now)
            run.at = step[NEXT]
            return None
        if op == CALL:
            if len(run.calls) >= MAX_CALLS:
                raise ValueError("{} protocols inside one another, and that is the limit".format(MAX_CALLS))
            run.calls.append((run.protocol, run.at, run.record))
            self._enter(run, self._protocols[args[0]])
            return None
        if op == PROMPT:
            preset = args[5]
            if preset is not None:
                preset = [preset[0], preset[1], preset[2], preset[3] and text(render(preset[3], scope, data, missing))]
            prompt = text(render(args[0], scope, data, missing))
            return Prompt(run.id, prompt, args[1], args[2], args[3], preset)
        if op == ACTUATE:
            return Actuate(run.id, args[0], render(args[1], scope, data, missing), args[2], args[3])
        if op == READ:
            return Read(run.id, args[0])
        if op == EMIT:
            topic = text(render(args[0], scope, data, missing))
            return Emit(run.id, topic, render(args[1], scope, data, missing))
        if op == WAIT:
            return Wait(run.id, args[0])
        if op == LOG:
            message = text(render(args[1], scope, data, missing))
            run.record["detail"]["message"] = message
            return Log(run.id, args[0], message)
        tool = self.body[p.TOOLS][args[0]]
        return CallTool(
            run.id,
            tool[p.TOOL_ID],
            tool[p.METHOD],
            text(render(tool[p.URL], scope, data, missing)),
            render(tool[p.HEADERS], scope, data, missing),
            render(tool[p.PARAMETERS], scope, data, missing),
            None if tool[p.BODY] is None else render(tool[p.BODY], scope, data, missing),
        )

    def _take(self, run: Run, step: "list[Any]", result: "Any") -> "Failure | None":
        """Puts the result of an effect where the script wants it."""
        op = step[OP]
        detail = run.record["detail"]
        if op == PUBLISH:
            detail["event"] = result
            return None
        if op == ACTUATE:
            detail["actuator"] = step[ARGS][0]
            detail["accepted"] = result[0]
            detail["value"] = result[1]
            detail["reason"] = result[2]
            return None if result[0] else Failure("refused", "the guardian refused: {}".format(result[2]))
        if op == PROMPT:
            result, detail["model"], detail["tokens"] = result
            schema = step[ARGS][1]
            wrong = "" if schema is None else invalid(result, schema)
            if wrong:
                return Failure("invalid", "the model's answer is not what was asked for: {}".format(wrong), True)
        elif op == TOOL:
            tool = self.body[p.TOOLS][step[ARGS][0]]
            detail["http_status"] = status = result[0]
            result = result[1]
            if status >= 400:
                retry = status >= 500 or status in (408, 425, 429)
                return Failure("failed", "{} answered with HTTP status {}".format(tool[p.TOOL_ID], status), retry)
            scope = {"response": result}
            for path, source in tool[p.MAPPING]:
                value = lookup(source, scope, {})
                if value is MISSING:
                    run.missing.append(".".join([str(key) for key in source]))
                else:
                    self._store(run, path, value)
        elif op != READ:
            return None
        detail["result"] = result
        if step[SAVE] is not None:
            self._store(run, step[SAVE], result)
        return None

    def _failed(self, run: Run, failure: Failure, now: int) -> "list[Any] | None":
        """`otherwise`, another try, the fallback or the end, in this order. None: go on at `run.at`."""
        step = run.steps[run.at]
        record = run.record
        if step[OP] == PROMPT and step[ARGS][4] is not None:
            value = render(step[ARGS][4][0], run.scope, run.data, run.missing)
            record["detail"]["otherwise"] = "{}: {}".format(failure.reason, failure.message)
            record["detail"]["result"] = value
            if step[SAVE] is not None:
                self._store(run, step[SAVE], value)
            self._completed(run, now)
            run.at = step[NEXT]
            return None
        attempts = record["attempts"]
        if failure.retry and attempts <= run.protocol[p.RETRIES]:
            pause = min(MAX_BACKOFF, run.protocol[p.BACKOFF] << (attempts - 1))
            if run.protocol[p.JITTER] and self._random is not None:
                pause = int(pause * (0.5 + self._random() / 2))
            run.retrying = True
            return [Wait(run.id, pause)]
        self._completed(run, now, "failed")
        record["detail"]["error"] = failure.message
        fallback = run.protocol[p.FALLBACK]
        if fallback >= 0 and fallback != run.at:
            run.at = fallback
            return None
        message = "step {} failed: {}".format(step[ID], failure.message)
        if not run.calls:
            return self._end(run, "failed", message, now)
        self._leave(run)
        return self._failed(run, Failure("failed", message), now)

    def _completed(self, run: Run, now: int, status: str = "completed") -> None:
        record = run.record
        record["status"] = status
        record["ended"] = now
        if run.missing:
            record["detail"]["missing"] = run.missing
            run.missing = []

    def _enter(self, run: Run, protocol: "list[Any]") -> None:
        run.protocol = protocol
        run.steps = protocol[p.STEPS]
        run.at = 0

    def _leave(self, run: Run) -> None:
        protocol, at, record = run.calls.pop()
        self._enter(run, protocol)
        run.at = at
        run.record = record

    def _return(self, run: Run, now: int) -> None:
        self._leave(run)
        self._completed(run, now)
        run.at = run.steps[run.at][NEXT]

    def _store(self, run: Run, path: "list[Any]", value: "Any") -> None:
        """Sets a value of the session. Maps on the way are copied: the plan or the caller may hold the same ones."""
        place = run.data
        for i in range(len(path) - 1):
            inner = place.get(path[i])
            inner = dict(inner) if isinstance(inner, dict) else {}
            place[path[i]] = inner
            place = inner
        place[path[-1]] = value

    def _end(self, run: Run, status: str, error: "str | None", now: int) -> "list[Any]":
        del self.runs[run.id]
        if run.record and run.record["status"] == "running":
            self._completed(run, now, status)
        for _, _, record in run.calls:
            record["status"] = status
            record["ended"] = now
        event = run.event
        episode = {
            "id": run.id,
            "script": self._name,
            "protocol": run.title,
            "trigger": run.trigger,
            "event": {"topic": event.get("topic"), "value": event.get("value"), "timestamp": event.get("timestamp")},
            "started": run.started,
            "ended": now,
            "status": status,
            "error": error,
            "steps": run.records,
        }
        if run.omitted:
            episode["omitted"] = run.omitted
        return [Done(run.id, episode, run.data)]
