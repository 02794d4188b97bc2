# SPDX-License-Identifier: GPL-3.0-or-later
"""A prompt that offers tools: what the model asks for is carried out and told to it, until it answers."""

from ganglion_micro import plan as p
from ganglion_micro.effects import Failure, Prompt
from ganglion_micro.schema import invalid
from ganglion_micro.tool import call, refusal

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

    from ganglion_micro.run import Run

#: How often the model may ask for tools in one step.
MAX_ROUNDS = 8
#: Calls that are carried out in one round; the model is told that the others were not.
MAX_CALLS = 8


class Talk:
    """One such step under way.

    Attributes:
        prompt: What the model was asked first; its `tokens` and `ns` bound all rounds together.
        until: When the time for them is over, in nanoseconds; 0 for never.
        tokens: Used so far.
        rounds: What it has asked for before, and what came of it: `[calls, results]`.
        calls: What the model has asked for in this round: `[id, tool, arguments]`.
        results: What came of them; None while the model is asked.
    """

    __slots__ = ("calls", "prompt", "results", "rounds", "tokens", "until")

    def __init__(self, prompt: Prompt, now: int) -> None:
        self.prompt = prompt
        self.until = now + prompt.ns if prompt.ns else 0
        self.tokens = 0
        self.rounds: "list[Any]" = []
        self.calls: "list[Any]" = []
        self.results: "list[Any] | None" = None


def converse(run: "Run", tools: "list[Any]", result: "Any", now: int) -> "tuple[Any, Any]":
    """What the talk of a run asks of the world next, and nothing; or None, and the result of the step.

    Args:
        tools: Of the plan.
        result: What came of the effect before.
    """
    talk = run.talk
    assert talk is not None  # the caller has looked
    step = run.steps[run.at]
    offered = step[p.ARGS][6]
    goes_on = step[p.ARGS][7]
    if talk.results is not None:
        _took(run, talk, tools, result)
    else:
        if isinstance(result, Failure):
            return None, result
        talk.tokens += result[2] or 0
        if len(result) < 4 or not result[3]:
            return None, [result[0], result[1], talk.tokens or None]
        if len(talk.rounds) >= MAX_ROUNDS:
            return None, Failure("budget", "the model asked for tools more than {} times".format(MAX_ROUNDS))
        talk.calls = result[3]
        talk.results = []
        run.record["detail"]["model"] = result[1]
    while len(talk.results) < len(talk.calls):
        if talk.until and now >= talk.until:
            return None, Failure("budget", "no time was left for the tools that the model asked for")
        _, name, arguments = talk.calls[len(talk.results)]
        schemas = [schema for index, _, schema in offered if tools[index][p.TOOL_ID] == name]
        if not schemas:
            talk.results.append({"error": "no tool {} was offered".format(name)})
            continue
        if len(talk.results) >= MAX_CALLS:
            talk.results.append({"error": "not called: more than {} calls at once".format(MAX_CALLS)})
            continue
        wrong = invalid(arguments, schemas[0], "arguments")
        try:
            if wrong:
                raise ValueError(wrong)
            return call(run, _named(tools, name), arguments, talk.until - now if talk.until else 0), None
        except ValueError as error:  # the model may do better when it is told
            _took(run, talk, tools, Failure("invalid", str(error)))
    if not goes_on:
        results = talk.results
        model = run.record["detail"].get("model")
        return None, [results[0] if len(results) == 1 else results, model, talk.tokens or None]
    talk.rounds = talk.rounds + [[talk.calls, talk.results]]  # anew: the effect before keeps those that it had
    talk.results = None
    return _again(run.id, talk, now)


def _named(tools: "list[Any]", name: str) -> "Any":
    for tool in tools:
        if tool[p.TOOL_ID] == name:
            return tool
    return None


def _took(run: "Run", talk: Talk, tools: "list[Any]", result: "Any") -> None:
    """Keeps what came of a tool for the model, and in the episode how it went."""
    assert talk.results is not None  # the caller has looked
    _, name, arguments = talk.calls[len(talk.results)]
    said = {"tool": name, "arguments": arguments}
    if not isinstance(result, Failure):
        said["http_status"] = result[0]
        if result[0] < 400:
            result = refusal(_named(tools, name), result) or result
    if isinstance(result, Failure):
        said["error"] = result.message
        talk.results.append({"error": result.message})
    else:
        talk.results.append({"error": result[1], "status": result[0]} if result[0] >= 400 else result[1])
    run.record["detail"].setdefault("calls", []).append(said)


def _again(run_id: str, talk: Talk, now: int) -> "tuple[Any, Any]":
    """The prompt once more, with what came of the tools, if there is time and there are tokens left for it."""
    first = talk.prompt
    if talk.until and now >= talk.until:
        return None, Failure("budget", "no time was left for the model to answer")
    if first.tokens and talk.tokens >= first.tokens:
        return None, Failure("budget", "no tokens were left for the model to answer")
    return (
        Prompt(
            run_id,
            first.prompt,
            first.schema,
            first.tokens and first.tokens - talk.tokens,
            talk.until and talk.until - now,
            first.preset,
            first.tools,
            talk.rounds,
        ),
        None,
    )
