# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that has the checker in memory and forks for each question: `python -m ganglion_gateway.scripting.host`.

Its argument is the descriptor of a socket, on which comes a byte with another one, that of one question. The child that
is forked bounds itself, says so, reads the question to its end, and writes the answer: what a hostile document takes of
memory and time is the child's alone. There is one thread, so a fork has no lock that another one held.
"""

import gc
import json
import os
import resource
import signal
import socket
import sys
import traceback
from typing import Any

from ganglion import sentences
from ganglion.errors import GanglionError, InvalidError, NotFoundError
from ganglion.sentences import say
from ganglion.words import speaking
from ganglion_gateway import languages
from ganglion_gateway.jsonable import jsonable

#: What a question may take: bytes of memory, seconds of the processor, and seconds by the clock.
MEMORY, CPU, WALL = 320 << 20, 8, 12
#: Priority that a child has less than the gateway, which others wait for.
_NICE = 10
#: What a child says first: whatever ends it from then on is the question's.
READY = b"!"
#: Bytes of an answer.
MAX_ANSWER = 4 << 20


def main() -> None:
    """Until the other end of the socket is closed."""
    from ganglion_gateway.scripting import work

    _warm(work.WORK["check"])
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are not waited for
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the gateway's, which closes the socket
    gc.collect()
    gc.freeze()
    while True:
        data, descriptors, _flags, _address = socket.recv_fds(control, 1, 1)
        if not data:
            return
        for each in descriptors:
            with socket.socket(fileno=each) as question:
                if os.fork() == 0:
                    control.close()
                    _child(question, work.WORK)


def _warm(check: Any) -> None:
    """Imports what the first question would import."""
    check({"text": "{}", "file": "x.json"})
    check({"text": 'version: "2.2"', "file": "x.yaml", "language": "uk"})


def _child(question: socket.socket, work: dict[str, Any]) -> None:
    """Answers one question, and ends."""
    code = 1
    try:
        signal.alarm(WALL)
        os.nice(_NICE)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        question.sendall(READY)
        question.sendall(_answered(question, work))
        code = 0
    except BaseException:  # noqa: S110 - of a process that has no memory left nothing can be told: it ends
        pass
    finally:
        os._exit(code)


def _answered(question: socket.socket, work: dict[str, Any]) -> bytes:
    with question.makefile("rb") as file:
        asked = json.load(file)
    resource.setrlimit(resource.RLIMIT_CPU, (asked["cpu"], asked["cpu"]))
    try:
        with speaking(asked.get("reader", "en")):
            answer = {"answer": work[asked["what"]](asked)}
    except GanglionError as error:
        kind = "not found" if isinstance(error, NotFoundError) else "invalid"
        answer = {"error": _told(error, asked.get("reader", "en")), "kind": kind}
    except RecursionError:
        answer = {
            "error": _told(InvalidError(say("the document is too deep")), asked.get("reader", "en")),
            "kind": "invalid",
        }
    except MemoryError:
        raise
    except Exception as error:  # ours: a document can be wrong in more ways than we know
        print(traceback.format_exc(), file=sys.stderr)
        answer = {"error": f"the document cannot be worked on: {type(error).__name__}: {error}", "kind": "broken"}
    data = json.dumps(jsonable(answer), ensure_ascii=False).encode("utf-8", "replace")
    if len(data) > MAX_ANSWER:
        return json.dumps({"error": "what is to be told of the document is too much", "kind": "invalid"}).encode()
    return data


def _told(error: GanglionError, reader: str) -> str:
    """What it says, in one of `languages.LANGUAGES`."""
    return str(languages.told(sentences.of(error), reader))


if __name__ == "__main__":
    main()
