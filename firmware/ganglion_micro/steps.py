# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that ask something of the world: the effect of each, and what is made of its result.

What only prompts and tools need is imported when one is met: a leaf has neither, and not the modules for them.
"""

from ganglion_micro import plan as p
from ganglion_micro.condition import holds
from ganglion_micro.effects import Actuate, Emit, Failure, Listen, Log, Prompt, Publish, Read, Wait
from ganglion_micro.expression import MISSING, lookup
from ganglion_micro.plan import ACTUATE, ARGS, EMIT, LISTEN, LOG, OP, PROMPT, PUBLISH, READ, SAVE, TOOL, WAIT
from ganglion_micro.template import CONST, TEXT, render
from ganglion_micro.text import text
from ganglion_micro.topic import is_filter, is_name

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

    from ganglion_micro.run import Run


def ask(run: "Run", step: "list[Any]", tools: "list[Any]", now: int) -> "Any":
    """The effect of a step; None where it waits for a condition that is true already."""
    op = step[OP]
    args = step[ARGS]
    scope = run.scope
    data = run.data
    missing = run.missing
    if op == PUBLISH:
        topic = text(render(args[0], scope, data, missing))
        if args[0][0] != CONST:
            plain = topic.startswith("mqtt:")
            if plain:
                _check_plain(args[0], topic)
            _check_name(topic[5:] if plain else topic)
        to = "" if args[3] is None else _receiver(run, args[3])
        return Publish(run.id, topic, render(args[1], scope, data, missing), args[2], to)
    if op == PROMPT:
        preset = args[5]
        if preset is not None:
            preset = [preset[0], preset[1], preset[2], preset[3] and text(render(preset[3], scope, data, missing))]
        prompt = text(render(args[0], scope, data, missing))
        offered = [
            {"id": tools[i][p.TOOL_ID], "description": said, "parameters": schema} for i, said, schema in args[6]
        ]
        effect = Prompt(run.id, prompt, args[1], args[2], args[3], preset, offered, [])
        if offered:
            from ganglion_micro.talk import Talk

            run.talk = Talk(effect, now)
        return effect
    if op == ACTUATE:
        value = render(args[1], scope, data, missing)
        return Actuate(run.id, args[0], value, args[2], args[3], args[4], run.root.advised)
    if op == READ:
        return Read(run.id, args[0])
    if op == EMIT:
        topic = text(render(args[0], scope, data, missing))
        if args[0][0] != CONST:
            _check_name(topic)
        return Emit(run.id, topic, render(args[1], scope, data, missing))
    if op == WAIT:
        return Wait(run.id, args[0])
    if op == LISTEN:
        return _listen(run, step, now)
    if op == LOG:
        message = text(render(args[1], scope, data, missing))
        run.record["detail"]["message"] = message
        return Log(run.id, args[0], message)
    from ganglion_micro.tool import call

    return call(run, tools[args[0]], {}, args[1])


def _check_plain(template: "list[Any]", topic: str) -> None:
    """Refuses a plain topic that the script did not write as one: a value must not choose that nobody signs it.

    Raises:
        ValueError: a value of the run has filled the scheme in.
    """
    first = template[1][0]
    if type(first) is not str or not first.startswith("mqtt:"):
        raise ValueError("{} is no topic to publish on: a value of the run begins it".format(topic))


def _check_name(topic: str) -> None:
    """Refuses a topic that a value of the run has made one that nobody can be spoken to on.

    Raises:
        ValueError: it is empty, too long, or has a wildcard.
    """
    if not is_name(topic):
        raise ValueError("{} is no topic to speak on".format(topic or "an empty text"))


def _receiver(run: "Run", template: "list[Any]") -> str:
    """The node that a message is for.

    Raises:
        ValueError: there is none, and nobody would be told.
    """
    missing: "list[str]" = []
    to = render(template, run.scope, run.data, missing)
    if missing or type(to) is not str or not to:
        raise ValueError("{} is no node to publish to".format(text(to) or "an empty text"))
    return to


def _listen(run: "Run", step: "list[Any]", now: int) -> "Listen | None":
    args = step[ARGS]
    run.until = now + args[2] if args[2] else 0
    if args[0] is not None:
        topic = args[0]
        run.topic = text(render(topic, run.scope, run.data, run.missing))
        written = topic[1] if topic[0] == CONST else "".join([each for each in topic[1] if type(each) is str])
        wild = _wildcards(run.topic) > (_wildcards(written) if topic[0] in (CONST, TEXT) else 0)
        if wild or not is_filter(run.topic):  # a value must not widen what is listened to
            raise ValueError("{} is no topic to wait for".format(run.topic or "an empty text"))
        return Listen(run.id, run.topic, args[2])
    if came_about(run, step):
        return None
    run.root.watching = run.root.watching + (run,)
    return Listen(run.id, "", args[2])


def came_about(run: "Run", step: "list[Any]") -> bool:
    """Whether the session is as a step waits for it to be; then that is saved.

    Raises:
        ExpressionError: the condition has no value.
    """
    if not holds(step[ARGS][1], run.scope, run.data, run.missing):
        return False
    if step[SAVE] is not None:
        store(run.data, step[SAVE], True)
    return True


def _wildcards(topic: str) -> int:
    return topic.count("+") + topic.count("#")


def heard(run: "Run", step: "list[Any]", event: "dict[str, Any] | None", now: int) -> "Listen | None":
    """Takes what a step has waited for, or None that time is over; the effect to wait on, or None where it is done.

    Raises:
        ExpressionError: the condition on the event has no value.
    """
    _, condition, _ = step[ARGS]
    detail = run.record["detail"]
    if event is None:
        run.root.unwatch(run)
        detail["timed_out"] = True
        value = None
    else:
        if condition is not None:
            scope = dict(run.scope)
            scope["event"] = event
            if not holds(condition, scope, run.data, run.missing):
                return Listen(run.id, run.topic, max(1, run.until - now) if run.until else 0)
        detail["event"] = {"topic": event.get("topic"), "value": event.get("value")}
        value = event.get("value")
    if step[SAVE] is not None:
        store(run.data, step[SAVE], value)
    return None


def take(run: "Run", step: "list[Any]", tools: "list[Any]", result: "Any") -> "Failure | None":
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
        detail["model"] = result[1]
        detail["tokens"] = result[2]
        result = result[0]
        run.root.advised = True
        schema = step[ARGS][1]
        wrong = ""
        if schema is not None:
            from ganglion_micro.schema import invalid

            wrong = invalid(result, schema)
        if wrong:
            return Failure("invalid", "the model's answer is not what was asked for: {}".format(wrong), True)
    elif op == TOOL:
        from ganglion_micro.tool import refusal

        tool = tools[step[ARGS][0]]
        detail["http_status"] = result[0]
        failure = refusal(tool, result)
        if failure is not None:
            return failure
        result = result[1]
        scope = {"response": result}
        for path, source in tool[p.MAPPING]:
            value = lookup(source, scope, {})
            if value is MISSING:
                run.missing.append(".".join([str(key) for key in source]))
            else:
                store(run.data, path, value)
    elif op != READ:
        return None
    detail["result"] = result
    if step[SAVE] is not None:
        store(run.data, step[SAVE], result)
    return None


def store(data: "dict[str, Any]", path: "list[Any]", value: "Any") -> None:
    """Sets a value of the session. Maps on the way are copied: the plan or the caller may hold the same ones."""
    place = data
    for i in range(len(path) - 1):
        inner = place.get(path[i])
        inner = dict(inner) if isinstance(inner, dict) else {}
        place[path[i]] = inner
        place = inner
    place[path[-1]] = value
