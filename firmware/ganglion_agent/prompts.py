# SPDX-License-Identifier: GPL-3.0-or-later
"""What scripts of a device ask a language model: of a leaf it goes to the parent as an event of class `prompt`.

The parent asks its gateway, and calls the method `answer` with what came. A full member asks its gateway itself. Who
has neither now has no answer.
"""

from ganglion_micro.cbor import CBORError
from ganglion_micro.effects import Failure

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: Questions at a time.
MOST = 4
#: Nanoseconds to wait where the step says nothing, and in any case for the way there and back.
_USUAL = 30000000000
_WAY = 5000000000


class Prompts:
    """Questions that wait for their answer.

    Args:
        member: A `leaf.Leaf` or a `member.Member`.
        asks: Hands a question on: `leafed.Leafed.asks` or `full.Full.asks`.
    """

    def __init__(self, member: "Any", asks: "Callable[..., bool]") -> None:
        self._member = member
        self._asks = asks
        self._count = 0
        self._waiting = {}  # type: dict[str, tuple[int, Callable[[Any], None]]]

    def ask(self, effect: "Any", now: int, then: "Callable[[Any], None]") -> None:
        """Asks; `then` gets `[value, model, tokens]`, or a failure."""
        if not self._member.joined:
            then(Failure("unreachable", "the mesh is away, and a model is reached by way of it"))
            return
        if len(self._waiting) >= MOST:
            then(Failure("budget", "{} questions wait for an answer already".format(MOST)))
            return
        ns = effect.ns or _USUAL
        self._count += 1
        asked = {"id": str(self._count), "prompt": effect.prompt, "schema": effect.schema, "seconds": ns / 1000000000}
        model, temperature, most, system = effect.preset or (None, None, None, None)
        tokens = min([n for n in (effect.tokens, most) if n] or [0]) or None
        more = {"tokens": tokens, "model": model, "temperature": temperature, "system": system}
        asked.update({key: more[key] for key in more if more[key] is not None})
        try:
            taken = self._asks(self._member, asked, self.answer, ns)
        except CBORError:
            then(Failure("invalid", "the prompt is too long: 1024 bytes are the most, with all that is around it"))
            return
        if not taken:
            then(Failure("unreachable", "too many events wait"))
            return
        self._waiting[asked["id"]] = (now + ns + _WAY, then)

    def answer(self, params: "dict[str, Any]") -> None:
        """The parent's method: `id` of the question, and `value`, `model`, `tokens`, or the `error`.

        Raises:
            ValueError: nobody has asked, or waits any more.
        """
        waiting = self._waiting.pop(params.get("id", ""), None)
        if waiting is None:
            raise ValueError("nobody waits for this answer")
        error = params.get("error")
        if error is not None:
            waiting[1](Failure("unreachable", str(error)))
        else:
            waiting[1]([params.get("value"), params.get("model"), params.get("tokens")])

    def advance(self, now: int) -> None:
        """Gives up what has waited for too long."""
        for number in [number for number in self._waiting if self._waiting[number][0] <= now]:
            self._waiting.pop(number)[1](Failure("unreachable", "the model gave no answer in time"))
