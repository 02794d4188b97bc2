# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the plans that `ganglion.mova.compile` makes: events and results in, effects out.

Nothing here reads a clock, sleeps, sends or draws a random number: `now` (nanoseconds since the Unix epoch) and
`random` come in, `effects.py` says what goes out. The plan is never written to, so one plan serves any number of runs;
what a run knows is in its `Run`. A run has one effect under way, or one a branch where a step of it is `parallel`. It
ends with `Done`, which carries its episode.
"""

from ganglion_micro import plan as p
from ganglion_micro.condition import holds, target
from ganglion_micro.effects import Done, Failure, Forget, Wait
from ganglion_micro.expression import MISSING, evaluate
from ganglion_micro.plan import ACTIONS, ARGS, CALL, CONDITION, END, FORK, GATE, ID, LISTEN, NEXT, OP, PROMPT, SAVE, SET
from ganglion_micro.run import Run
from ganglion_micro.steps import ask, came_about, heard, store, take
from ganglion_micro.template import render
from ganglion_micro.text import text

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Steps that ask nothing of the world.
_OWN = (END, CONDITION, SET, CALL, FORK)
#: Steps that an episode tells; those after are counted. An episode must fit one message of 64 KiB.
MAX_RECORDS = 128
#: Protocols inside one another.
MAX_CALLS = 8
#: Branches of one run that are under way.
MAX_BRANCHES = 32
#: The longest pause between two tries.
MAX_BACKOFF = 30_000_000_000
#: The longest that the other side may ask us to stay away before a step is tried again.
MAX_AFTER = 300_000_000_000


class Engine:
    """All runs of one plan.

    Args:
        body: What `plan.unpack` gave.
        random: Gives a number from 0 to 1 for the jitter of retries; None for none.
        records: Steps that an episode tells. One takes 240 bytes of a board's heap for as long as the run goes on.
    """

    def __init__(
        self, body: "list[Any]", random: "Callable[[], float] | None" = None, records: int = MAX_RECORDS
    ) -> None:
        self.body = body
        self.runs: "dict[str, Run]" = {}
        self._name: str = body[p.NAME]
        self._protocols: "list[Any]" = body[p.PROTOCOLS]
        self._tools: "list[Any]" = body[p.TOOLS]
        self._random = random
        self._records = records
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
        reason: str = "",
    ) -> "list[Any]":
        """Begins a run and returns its first effects.

        Args:
            protocol: Its name, or its index.
            event: `id source topic value payload timestamp`, which the script sees as `event`.
            session: `session_id` and `data` to begin with; None for what the document says. It is not written to.
            run_id: Unique among the runs of this engine; empty for a number.
            reason: Why nothing of it may be carried out: it is cancelled before its first step.

        Raises:
            KeyError: there is no such protocol.
        """
        body = self.body
        chosen = self._protocols[protocol if isinstance(protocol, int) else self.index(protocol)]
        if not run_id:
            self._count += 1
            run_id = str(self._count)
        session = session or {"data": body[p.DATA]}
        known = {
            "event": event,
            "session": {"data": dict(session.get("data", {})), "session_id": session.get("session_id", run_id)},
            "profile": body[p.PROFILE],
        }
        self.runs[run_id] = run = Run(run_id, chosen, known, now)
        run.trigger = trigger
        if reason:
            return self.cancel(run_id, reason, now)
        effects = self._advance(run, now)
        return self._woken(run, effects, now) if run.watching else effects

    def resume(self, run_id: str, result: "Any", now: int) -> "list[Any]":
        """Takes the result of an effect, or a `Failure`, and returns the next effects.

        Nothing comes of a result for a run or branch that has ended: it was cancelled while the world was busy.
        """
        run = self.runs.get(run_id)
        if run is None:
            return []
        root = run.root
        if root.deadline and now >= root.deadline:
            return self.expire(root.id, now)
        effects = self._resume(run, result, now)
        return self._woken(root, effects, now) if root.watching else effects

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

    def fail(self, run_id: str, error: str, now: int) -> "list[Any]":
        """Ends a run that cannot go on; its episode says why."""
        run = self.runs.get(run_id)
        return [] if run is None else self._end(run, "failed", error, now)

    def key(self, protocol: int, event: "dict[str, Any]") -> str:
        """The idempotency key of a run that would begin with this event; empty where the protocol has none."""
        template = self._protocols[protocol][p.KEY]
        if template is None:
            return ""
        scope = {"event": event, "session": {"data": self.body[p.DATA]}, "profile": self.body[p.PROFILE]}
        return text(render(template, scope, self.body[p.DATA], []))

    def _resume(self, run: Run, result: "Any", now: int) -> "list[Any]":
        if run.retrying:
            run.retrying = False
            run.again = True
            run.record["attempts"] += 1
            return self._advance(run, now)
        step = run.steps[run.at]
        try:
            if run.talk is not None:
                from ganglion_micro.talk import converse  # not on a board whose scripts have no tools

                effect, result = converse(run, self._tools, result, now)
                if effect is not None:
                    return [effect]
                run.talk = None
            elif step[OP] == LISTEN:
                effect = heard(run, step, result, now)
                if effect is not None:
                    return [effect]
            failure = result if isinstance(result, Failure) else take(run, step, self._tools, result)
        except ValueError as error:
            failure = Failure("failed", str(error))
        if failure is not None:
            effects = self._failed(run, failure, now)
            return self._advance(run, now) if effects is None else effects
        self._completed(run, now)
        run.at = step[NEXT]
        return self._advance(run, now)

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
                message = "cut after {} steps: a loop that does not end".format(run.root.limit)
                return self._end(run, "failed", message, now)
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
                    if len(run.records) < self._records:
                        run.records.append(run.record)
                    else:
                        run.root.omitted += 1
                    if step[GATE] is not None and not holds(step[GATE], run.scope, run.data, run.missing):
                        run.record["status"] = "skipped"
                        run.at = step[NEXT]
                        continue
                effects = self._do(run, step, now)
            except ValueError as error:
                effects = self._failed(run, Failure("failed", str(error)), now)
            if effects is not None:
                return effects

    def _do(self, run: Run, step: "list[Any]", now: int) -> "list[Any] | None":
        """Carries a step out as far as the engine alone can; the effects that it needs, or None."""
        op = step[OP]
        args = step[ARGS]
        if op not in _OWN:
            effect = ask(run, step, self._tools, now)
            if effect is not None:
                return [effect]
        elif op == CONDITION:
            found = target(args, run.scope, run.data, run.missing)
            run.at = found if found >= 0 else step[NEXT]
            if run.at < len(run.steps):
                run.record["detail"]["next"] = run.steps[run.at][ID]
            self._completed(run, now)
            return None
        elif op == SET:
            for i in range(0, len(args), 2):
                value = evaluate(args[i + 1], run.scope, run.data)
                if value is MISSING:
                    raise ValueError("{} is not set".format(".".join([str(key) for key in args[i + 1][1]])))
                store(run.data, args[i], value)
        elif op == CALL:
            self._check_depth(run)
            run.calls = run.calls + ((run.protocol, run.at, run.record),)
            self._enter(run, self._protocols[args[0]])
            return None
        elif op == FORK:
            effects = self._fork(run, args, now)
            if effects:
                return effects
        self._completed(run, now)
        run.at = len(run.steps) if op == END else step[NEXT]
        return None

    def _failed(self, run: Run, failure: Failure, now: int) -> "list[Any] | None":
        """`otherwise`, another try, the fallback or the end, in this order. None: go on at `run.at`.

        The end of a branch has no effect, while others are under way.
        """
        step = run.steps[run.at]
        record = run.record
        run.talk = None
        if step[OP] == PROMPT and step[ARGS][4] is not None:
            value = render(step[ARGS][4][0], run.scope, run.data, run.missing)
            record["detail"]["otherwise"] = "{}: {}".format(failure.reason, failure.message)
            record["detail"]["result"] = value
            if step[SAVE] is not None:
                store(run.data, step[SAVE], value)
            self._completed(run, now)
            run.at = step[NEXT]
            return None
        attempts = record["attempts"]
        if failure.retry and failure.after > MAX_AFTER:
            failure.retry = False
            failure.message += ", and asks to wait {} s".format(failure.after // 1000000000)
        if failure.retry and attempts <= run.protocol[p.RETRIES]:
            pause = min(MAX_BACKOFF, run.protocol[p.BACKOFF] << (attempts - 1))
            if run.protocol[p.JITTER] and self._random is not None:
                pause = int(pause * (0.5 + self._random() / 2))
            run.retrying = True
            return [Wait(run.id, max(pause, failure.after))]
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

    def _check_depth(self, run: Run) -> None:
        if run.depth + len(run.calls) >= MAX_CALLS:
            raise ValueError("{} protocols inside one another, and that is the limit".format(MAX_CALLS))

    def _enter(self, run: Run, protocol: "list[Any]") -> None:
        run.protocol = protocol
        run.steps = protocol[p.STEPS]
        run.at = 0

    def _leave(self, run: Run) -> None:
        protocol, at, record = run.calls[-1]
        run.calls = run.calls[:-1]
        self._enter(run, protocol)
        run.at = at
        run.record = record

    def _return(self, run: Run, now: int) -> None:
        self._leave(run)
        self._completed(run, now)
        run.at = run.steps[run.at][NEXT]

    def _fork(self, run: Run, protocols: "list[int]", now: int) -> "list[Any]":
        """Begins the branches of a step. Where all of them are over at once there is no effect, and the step is done.

        Raises:
            ValueError: too many, or too deep; or all were over at once and one failed.
        """
        self._check_depth(run)
        root = run.root
        if root.branches + len(protocols) > MAX_BRANCHES:
            raise ValueError("{} branches at a time, and that is the limit".format(MAX_BRANCHES))
        root.branches += len(protocols)
        run.open = len(protocols)
        run.wrong = ""
        run.forking = True
        effects: "list[Any]" = []
        for i in range(len(protocols)):
            branch = run.branch(i + 1, self._protocols[protocols[i]], now)
            self.runs[branch.id] = branch
            effects += self._advance(branch, now)
        run.forking = False
        if not run.open and run.wrong:
            raise ValueError(run.wrong)
        return effects

    def _joined(self, branch: Run, error: "str | None", now: int) -> "list[Any]":
        """Ends a branch; the last of them takes the step that began them on."""
        run = branch.parent
        assert run is not None  # it is a branch
        del self.runs[branch.id]
        run.root.branches -= 1
        run.open -= 1
        run.count += branch.count
        if error is not None and not run.wrong:
            run.wrong = error
        if run.open or run.forking:
            return []
        if run.wrong:
            effects = self._failed(run, Failure("failed", run.wrong), now)
            return self._advance(run, now) if effects is None else effects
        self._completed(run, now)
        run.at = run.steps[run.at][NEXT]
        return self._advance(run, now)

    def _woken(self, root: Run, effects: "list[Any]", now: int) -> "list[Any]":
        """Has the branches go on whose condition is true by what others have done."""
        found = True
        while found:
            found = False
            for run in root.watching:
                step = run.steps[run.at]
                try:
                    if not came_about(run, step):
                        continue
                    failure = None
                    self._completed(run, now)
                except ValueError as error:
                    failure = Failure("failed", str(error))
                root.unwatch(run)
                effects.append(Forget(run.id))
                more = None
                if failure is None:
                    run.at = step[NEXT]
                else:
                    more = self._failed(run, failure, now)
                effects += self._advance(run, now) if more is None else more
                found = True
                break
        return effects

    def _end(self, run: Run, status: str, error: "str | None", now: int) -> "list[Any]":
        if run.record and run.record["status"] == "running":
            self._completed(run, now, status)
        for _, _, record in run.calls:
            record["status"] = status
            record["ended"] = now
        if run.parent is not None:
            return self._joined(run, error, now)
        del self.runs[run.id]
        if run.branches:
            self._prune(run, status, now)
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

    def _prune(self, root: Run, status: str, now: int) -> None:
        """Ends the branches of a run that was ended from outside."""
        for run in [run for run in self.runs.values() if run.root is root]:
            del self.runs[run.id]
            for _, _, record in run.calls:
                record["status"] = status
                record["ended"] = now
            if run.record and run.record["status"] == "running":
                self._completed(run, now, status)
