# SPDX-License-Identifier: GPL-3.0-or-later
"""Has documents checked, drawn and run by `host`, a few at a time; the gateway itself looks into none."""

import asyncio
import json
import os
import socket
import sys
from contextlib import suppress
from typing import Any

from ganglion.errors import GanglionError, InvalidError, NotFoundError
from ganglion.sentences import say
from ganglion_gateway.scripting.host import CPU, MAX_ANSWER, MEMORY, READY, WALL
from ganglion_gateway.scripting.turns import Turns

#: Questions at the same time, and seconds that one waits for its turn.
_AT_ONCE, _PATIENCE = 2, 30.0
#: Seconds beyond its own bound after which a child is given up.
_SPARE = 5.0
#: Seconds that the process may take to start, on a slow machine.
_START = 60.0


class Bench:
    """The process starts with the first question, and again where it has ended.

    Args:
        cpu: Seconds of the processor that a question may take.
    """

    def __init__(self, *, cpu: int = CPU) -> None:
        self._cpu = cpu
        self._turns = Turns(_AT_ONCE, _PATIENCE)
        self._starting = asyncio.Lock()
        self._host: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._working: set[asyncio.Task[bytes]] = set()

    async def ask(self, what: str, document: dict[str, Any], *, who: str = "", reader: str = "en") -> dict[str, Any]:
        """The answer to a question of `work.WORK`.

        Args:
            who: Asks; has one question worked on at a time.
            reader: What refusals are told in, one of `languages.LANGUAGES`.

        Raises:
            BusyError: they ask too much at once.
            InvalidError: what the document is asked for makes no sense of it, or takes more than there is.
            NotFoundError: it has no such part.
            UnreachableError: too many ask.
        """
        question = json.dumps({**document, "what": what, "cpu": self._cpu, "reader": reader}).encode()
        await self._turns.take(who)
        # Who hangs up does not end the child, which has its turn for as long as it takes
        task = asyncio.create_task(self._answer(question))
        self._working.add(task)
        task.add_done_callback(lambda done: self._done(done, who))
        data = await asyncio.shield(task)
        if not data:
            raise InvalidError(
                say(
                    "{file} takes more than {seconds} s or {size} MB, and what takes so much is ended",
                    file=document["file"],
                    seconds=self._cpu,
                    size=MEMORY >> 20,
                )
            )
        said = json.loads(data)
        if "error" in said:
            kinds = {"not found": NotFoundError, "invalid": InvalidError}
            raise kinds.get(said["kind"], GanglionError)(said["error"])
        answer: dict[str, Any] = said["answer"]
        return answer

    async def aclose(self) -> None:
        """Ends the process."""
        control, self._control = self._control, None
        host, self._host = self._host, None
        if control is not None:
            control.close()
        if host is not None:
            with suppress(ProcessLookupError):
                host.kill()
            await host.wait()

    def _done(self, task: "asyncio.Task[bytes]", who: str) -> None:
        self._working.discard(task)
        self._turns.give(who)
        if not task.cancelled():
            task.exception()  # who hung up hears it no more

    async def _answer(self, question: bytes) -> bytes:
        """What the child says; nothing where its bounds have ended it.

        Raises:
            GanglionError: no child came to be, for which no document is to blame.
        """
        for _ in range(2):  # one that has ended is found out by asking it
            ours, theirs = socket.socketpair()
            reader, writer = await asyncio.open_connection(sock=ours)
            try:
                with theirs:
                    control = await self._started()
                    begun = await self._begun(control, theirs, reader)
                if begun:
                    return await _asked(question, reader, writer)
            finally:
                writer.close()
            control.close()
            if self._control is control:  # and nobody has seen so before
                self._control = None
        raise GanglionError(say("the process that checks documents does not start: see the gateway's log"))

    async def _begun(self, control: socket.socket, theirs: socket.socket, reader: asyncio.StreamReader) -> bool:
        """Whether a child has the question's socket."""
        try:
            socket.send_fds(control, [b"?"], [theirs.fileno()])
            theirs.close()
            async with asyncio.timeout(_START):
                return await reader.read(1) == READY
        except OSError:  # also a TimeoutError
            return False

    async def _started(self) -> socket.socket:
        async with self._starting:
            if self._host is None or self._host.returncode is not None or self._control is None:
                await self.aclose()
                ours, theirs = socket.socketpair()
                with theirs:
                    # Nothing of the gateway's environment but where its own code is
                    kept = {name: os.environ[name] for name in ("PYTHONPATH", "PATH") if name in os.environ}
                    self._host = await asyncio.create_subprocess_exec(
                        # Nothing that lies where the gateway happens to be started is imported
                        *(sys.executable, "-P", "-m", "ganglion_gateway.scripting.host", str(theirs.fileno())),
                        pass_fds=[theirs.fileno()],
                        stdin=asyncio.subprocess.DEVNULL,
                        stdout=asyncio.subprocess.DEVNULL,
                        env=kept,
                    )
                self._control = ours
            return self._control


async def _asked(question: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """What a child says to a question."""
    data = b""
    try:
        with suppress(ConnectionError):
            async with asyncio.timeout(WALL + _SPARE):
                writer.write(question)
                await writer.drain()
                writer.write_eof()
                while part := await reader.read(MAX_ANSWER + 1 - len(data)):
                    data += part
    except TimeoutError:
        return b""
    return data
