# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a version to a board over a way that breaks: asks again until it answers, and sees that it is kept.

    sent = Delivery("barn/garden", ask, patience=300, tell=print).deliver(bundle)

Whoever asks is handed in, so that it is the same by way of a gateway, of a parent, and in a test without either. A call
may be repeated whatever became of it: a chunk that the board has is not written twice (see `ganglion_agent.update`).
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ganglion.errors import GanglionError, UnreachableError
from ganglion.firmware.bundle import Bundle
from ganglion.firmware.sending import Call, sending

#: Seconds between two attempts where nothing answers, doubled each time up to the second figure.
_PAUSE = (1.0, 8.0)
#: Seconds between two looks at a board that restarts.
_LOOK = 2.0
#: Bytes between two lines that say how far it is.
_SAID = 8192

Tell = Callable[[Mapping[str, Any]], object]


class Sent(NamedTuple):
    """How it ended.

    Attributes:
        was: `committed`, or `running` where the board ran this version before.
        bytes: Of files that were sent, again or not.
        waits: Times that nothing answered.
    """

    was: str
    bytes: int
    waits: int


class Delivery:
    """One version on its way to one board.

    Args:
        name: Of the board, for people.
        ask: Has the board do a call and returns what it answers. An UnreachableError is waited out, others are raised.
        patience: Seconds without an answer after which it is given up.
        tell: Gets lines for people, as `ganglion.cli.show.progress`.
        clock, sleep: In seconds.
    """

    def __init__(
        self,
        name: str,
        ask: Callable[[Call], dict[str, Any]],
        *,
        patience: float,
        tell: Tell,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._name = name
        self._ask = ask
        self._patience = patience
        self._tell = tell
        self._clock = clock
        self._sleep = sleep
        self._waits = 0

    def deliver(self, bundle: Bundle, seal: bytes | None = None) -> Sent:
        """Sends a version, and returns when the board runs it.

        Args:
            seal: The issuer's COSE_Sign1 over the manifest's SHA-256, for boards that want one.

        Raises:
            GanglionError: the board does not take it, or has gone back to its version before.
            UnreachableError: it does not answer, or has not come back, for longer than the patience.
        """
        sender = sending(bundle, seal)
        begin = call = next(sender)
        told = 0
        while True:
            said = self.answer(call)
            if said.get("state") == "trial":
                said = self._kept(call)
            try:
                call = sender.send(said)
            except StopIteration as done:
                was = str(done.value)
                break
            if call.sent >= told + _SAID:
                told = call.sent
                self._tell({"text": f"{told // 1024} KiB sent; {said.get('file') or 'the manifest'}"})
        if was == "committed":
            self._tell({"text": f"{call.sent} bytes are there; {self._name} restarts"})
            self._returned(begin)
        return Sent(was, call.sent, self._waits)

    def _kept(self, begin: Call) -> dict[str, Any]:
        """What the board says once it has kept the version that runs: its parent has to know of that boot."""
        until = self._clock() + self._patience
        while self._clock() < until:
            self._tell({"text": f"waits for {self._name}: the version that runs is on trial"})
            self._sleep(_LOOK)
            said = self.answer(begin)
            if said.get("state") != "trial":
                return said
        raise UnreachableError(f"{self._name} has not kept the version that runs for {self._patience:.0f} s: look why")

    def answer(self, call: Call) -> dict[str, Any]:
        """What the board says, however often it has to be asked."""
        pause, heard = _PAUSE[0], self._clock()
        while True:
            try:
                return self._ask(call)
            except UnreachableError as error:
                if call.method == "reboot":
                    return {}  # it may restart without a word; whether it did is looked at next
                left = self._patience - (self._clock() - heard)
                if left <= 0:
                    raise UnreachableError(
                        f"{self._name} did not answer for {self._patience:.0f} s: {error}; what is there stays there, "
                        "and the same line goes on with it"
                    ) from None
                self._waits += 1
                self._tell({"text": f"waits for {self._name}, {left:.0f} s more: {error}"})
                self._sleep(min(pause, left))
                pause = min(2 * pause, _PAUSE[1])

    def _returned(self, begin: Call) -> None:
        """Waits until the version runs there, and its parent knows it: so the board has kept it."""
        until = self._clock() + self._patience
        while self._clock() < until:
            self._sleep(_LOOK)
            try:
                state = self._ask(begin).get("state")
                if state == "trial":
                    continue
                if state == "committed":  # it has not heard that it is to restart
                    self._ask(Call("reboot", {}, begin.sent))
            except UnreachableError:
                continue  # it restarts
            if state == "running":
                return
            if state != "committed":
                raise GanglionError(f"{self._name} has gone back to its version before: its method `crash` says why")
        raise UnreachableError(
            f"{self._name} has not come back: it goes back to its version before by itself, look later"
        )
