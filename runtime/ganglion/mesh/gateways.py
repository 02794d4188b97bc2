# SPDX-License-Identifier: GPL-3.0-or-later
"""Gateways whose keys hold: what the authority tells those who obey gateways alone, and have no room for more.

The list of the revoked grows with the fleet, and a board takes no message over 4 KiB. Which gateways are *not* on it
has 9 bytes for each gateway, however many nodes were revoked. It is a GL1 message of kind 13 as that list is, under the
same version, retained in a place of its own; a map, so that nobody can show it for the other: `{gateways: [key ids]}`.
A gateway that nobody who signs has met yet is on neither list, and is obeyed once it was. Gateways do not rotate their
keys, so there is no key before to be looked at.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from ganglion.mesh import files, statement
from ganglion.mesh.credential import CredentialError, Trust
from ganglion.mesh.identity import Identity
from ganglion.mesh.revocation import RevocationList
from ganglion_micro import gl1
from ganglion_micro.cose_common import KID_SIZE

_log = logging.getLogger(__name__)

#: Gateways of a mesh: beyond, those that were not met for longest are forgotten. The list then has about 700 bytes.
LIMIT = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayList:
    """A verified list.

    Attributes:
        version: Of the list of the revoked that it goes by.
        issued: When it was signed, in nanoseconds since the Unix epoch; later than that list.
        kids: Key ids of the gateways that are not revoked.
        data: The message it was read from.
    """

    version: int
    issued: int
    kids: tuple[bytes, ...]
    data: bytes

    @property
    def order(self) -> tuple[int, int]:
        """What says which of two is the newer one."""
        return self.version, self.issued


def read(data: bytes, trust: Trust) -> GatewayList:
    """The list in a message.

    Raises:
        CredentialError: it is none that this mesh's issuer has signed.
    """
    msg = statement.verified(data, trust, kind=gl1.REVOCATION, what="list of gateways")
    kids = msg.body.get("gateways") if type(msg.body) is dict else None
    if type(kids) is not list or any(type(kid) is not bytes or len(kid) != KID_SIZE for kid in kids):
        raise CredentialError("not a list of gateways")
    return GatewayList(version=msg.seq, issued=msg.ts, kids=tuple(kids), data=data)


class Gateways:
    """The gateways that this authority knows, in a file beside its keys.

    What the file has is said by the gateways themselves again, so a damaged one is begun anew.

    Args:
        path: The file.
        issuer: Signs.
        mesh: The mesh's id, 8 bytes.
    """

    def __init__(self, path: Path, issuer: Identity, mesh: bytes) -> None:
        self._path = path
        self._issuer = issuer
        self._mesh = mesh
        self._newest: GatewayList | None = None
        self._known: dict[bytes, None] = {}
        self._looked = False  # at the file

    def current(self, listed: RevocationList, trust: Trust, *, now: int) -> GatewayList:
        """The list by the list of the revoked that holds now, signed anew where it says something else.

        Another gateway's of a later version stays: its list of the revoked has not come yet, and may have more on it.
        """
        self._load(trust)
        newest = self._newest
        if newest is not None and newest.version > listed.version:
            return newest
        kids = [kid for kid in self._known if not listed.refuses(kid, gl1.REQUEST, now)]
        if newest is None or newest.version < listed.version or set(newest.kids) != set(kids):
            issued = max(now, listed.issued + 1, 0 if newest is None else newest.issued + 1)
            body = {"gateways": kids}
            newest = self._keep(read(self._sign(listed.version, issued, body), trust))
        return newest

    def _sign(self, version: int, now: int, body: dict[str, list[bytes]]) -> bytes:
        return statement.sign(self._issuer, self._mesh, kind=gl1.REVOCATION, version=version, now=now, body=body)

    def add(self, kid: bytes, trust: Trust) -> bool:
        """A gateway that was met; whether it is new."""
        self._load(trust)
        is_new = kid not in self._known
        self._known.pop(kid, None)
        self._known[kid] = None
        while len(self._known) > LIMIT:
            del self._known[next(iter(self._known))]
        return is_new

    def take(self, data: bytes, listed: RevocationList, trust: Trust, *, now: int) -> bool:
        """A list that was heard; whether it says what is known here, no gateway less and no gateway more.

        Raises:
            CredentialError: the authority has not signed it, or has signed a newer one since.
        """
        heard, known = read(data, trust), self.current(listed, trust, now=now)
        if heard.version < listed.version:
            raise CredentialError(f"a list of gateways of version {heard.version}, and {listed.version} holds")
        for kid in heard.kids:
            if kid not in self._known and not listed.refuses(kid, gl1.REQUEST, now):
                self.add(kid, trust)
        if heard.order > known.order:
            self._keep(heard)
        return set(heard.kids) == set(self.current(listed, trust, now=now).kids)

    def _load(self, trust: Trust) -> None:
        if self._looked:
            return
        self._looked = True
        try:
            if (data := files.read(self._path)) is None:
                return
            self._newest = read(data, trust)
        except (CredentialError, OSError) as error:
            _log.warning("%s is made anew: %s", self._path, error)
            return
        self._known = dict.fromkeys((*self._newest.kids, *self._known))

    def _keep(self, newest: GatewayList) -> GatewayList:
        self._newest = newest
        try:
            files.write(self._path, newest.data)
        except OSError as error:  # it holds all the same
            _log.error("The list of gateways cannot be kept in %s: %s.", self._path, error.strerror)
        return newest
