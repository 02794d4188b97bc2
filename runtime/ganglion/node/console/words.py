# SPDX-License-Identifier: GPL-3.0-or-later
"""What a line at a console has done: a word of the console's own, or a method of the node or of a leaf."""

from collections.abc import Callable, Mapping
from typing import Any

from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.mesh.peer import Peer
from ganglion.mesh.reading import OWN
from ganglion.node.console.lines import parameters, words
from ganglion.node.console.sessions import Perform, Session
from ganglion.node.console.tail import LEVELS

NO_SHELL = "a leaf has no shell: open the console of its parent, not of {}"
#: The console's own words, and what they do.
_OWN = {
    "help": "what can be entered here, or what a method does (help METHOD)",
    "log": f"how much of the log is shown here (log {'|'.join(LEVELS)})",
    "shell": "a login shell on the node, where its configuration lets there be one",
}


class Words:
    """Those of one node.

    Args:
        perform: Has a method do something on behalf of a peer, whom the policy lets it or does not.
        leaves: The methods of each leaf by its name; None where the node has none.
        leveled: Called with a session and the level of the log that it wants.
    """

    def __init__(
        self,
        perform: Perform,
        *,
        leaves: Callable[[], Mapping[str, list[str]]] | None,
        leveled: Callable[[Session, int], None],
    ) -> None:
        self._perform = perform
        self._leaves = leaves
        self._leveled = leveled

    async def carry_out(self, session: Session, line: str, peer: Peer) -> Any:
        """What comes of a line.

        Raises:
            InvalidError: it is not understood.
            RefusedError: the policy is against it, or no person calls this method.
            GanglionError: what the method answers.
        """
        word, *rest = words(line)
        if word == "help":
            return await self._help(session, rest, peer)
        if word == "log" and rest[:1] and "=" not in rest[0]:
            if len(rest) > 1 or rest[0] not in LEVELS:
                raise InvalidError(f"{' '.join(rest)!r} is no level: there are {', '.join(LEVELS)}", where="log")
            self._leveled(session, LEVELS[rest[0]])
            return {"log": rest[0]}
        if word == "shell" and session.desk.leaf:
            raise RefusedError(NO_SHELL.format(session.desk.leaf))
        if session.desk.leaf:
            params = {"leaf": session.desk.leaf, "method": word, "params": parameters(rest)}
            return await self._perform("leaf.call", params, peer)
        if word == "log":
            raise InvalidError(f"log needs a level: {', '.join(LEVELS)}")
        if word == "shell" and rest:
            raise InvalidError("shell takes no parameters")
        if word == "shell":
            return await self._perform("console.shell", {"id": session.id, "by": session.by}, peer)
        if word in OWN or word.startswith("console."):
            raise RefusedError(f"{word!r} is not for a line of a console")
        return await self._perform(word, parameters(rest), peer)

    async def _help(self, session: Session, asked: list[str], peer: Peer) -> dict[str, Any]:
        own = {word: does for word, does in _OWN.items() if not session.desk.leaf or word in ("help", "log")}
        listed = [{"name": word, "summary": does} for word, does in own.items()]
        if session.desk.leaf:
            known = {} if self._leaves is None else self._leaves()
            listed += [{"name": name, "summary": ""} for name in known.get(session.desk.leaf, ()) if name not in own]
        else:
            methods = (await self._perform("methods", {}, peer))["methods"]
            not_for_a_line = OWN | own.keys()
            listed += [
                each
                for each in methods
                if each["name"] not in not_for_a_line and not each["name"].startswith("console.")
            ]
        if asked:
            listed = [each for each in listed if each["name"] == asked[0] or each["name"].startswith(f"{asked[0]}.")]
            if not listed:
                raise NotFoundError(f"there is no method {asked[0]!r}: `help` lists what can be entered")
        return {"methods": [{"name": each["name"], "summary": each["summary"]} for each in listed]}
