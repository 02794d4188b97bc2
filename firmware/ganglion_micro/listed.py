# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose key holds, as the authority has said last: the list of the revoked, or of the gateways that are not. Pure.

A board obeys gateways alone, so the second, which has 9 bytes for each of them however many others were revoked, says
as much to it as the first. Whichever is newer holds: an older one may not know a gateway yet.
"""

from ganglion_micro.certificate import SECOND, DropError

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from ganglion_micro.certificate import Certificate
    from ganglion_micro.gl1 import MSG


class Listed:
    """The newest that was heard.

    Attributes:
        order: Its version, and its time in nanoseconds since the Unix epoch; zeros before any.
    """

    def __init__(self) -> None:
        self.order = (0, 0)
        # By key, seconds since the Unix epoch: below zero where it was revoked, and not only replaced
        self._revoked: "dict[bytes, int]" = {}
        self._gateways: "set[bytes] | None" = None

    def take(self, msg: "MSG") -> None:
        """Goes by a statement that the authority has signed. Raises: DropError, it is neither of the two."""
        body = msg.body
        try:
            if type(body) is dict:
                self._gateways = set(body["gateways"])
            else:
                self._revoked = {bytes(kid): -c if c == d else +c for kid, c, d in body}
                self._gateways = None
        except (TypeError, LookupError, ValueError) as error:
            raise DropError("malformed") from error
        self.order = (msg.seq, msg.ts)

    def refuses(self, gateway: "Certificate", now: int) -> bool:
        """Whether a gateway's key holds no more, or the one before it was revoked, and not only replaced.

        Args:
            now: Nanoseconds since the Unix epoch.
        """
        if self._gateways is not None and gateway.kid not in self._gateways:
            return True
        until = self._revoked.get(gateway.kid)
        return (until is not None and now >= abs(until) * SECOND) or self._revoked.get(gateway.former, 0) < 0
