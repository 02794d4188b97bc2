# SPDX-License-Identifier: GPL-3.0-or-later
"""Which address of a broker to try next, and when. It knows no clock and never sleeps."""

from ganglion.errors import RefusedError
from ganglion.mesh.backoff import Backoff
from ganglion.mqtt.url import Addresses, addresses


class Alternates:
    """The addresses of one broker in turn.

    They lead to one broker, or to nodes of one cluster: whoever is connected to one of them hears everybody who is
    connected to another. The pause between two attempts grows when all of them have failed once more.

    Args:
        given: One address or several, the favourite first.
        backoff: Delays between attempts.

    Attributes:
        urls: All of them.
        url: The one to try now.

    Raises:
        InvalidError: one is no URL, or there is none.
    """

    def __init__(self, given: Addresses, backoff: Backoff) -> None:
        self.urls = addresses(given)
        self.url = self.urls[0]
        self._backoff = backoff
        self._misses = self._refusals = 0

    def failed(self, error: Exception) -> float:
        """The attempt at `url`, or the connection to it, is over: `url` is the next; seconds to wait before it."""
        self._misses += 1
        self._refusals = self._refusals + 1 if isinstance(error, RefusedError) else 0
        self.url = self.urls[self._misses % len(self.urls)]
        if self._refusals >= len(self.urls):
            return self._backoff.refused()
        return self._backoff.delay(grow=self._misses % len(self.urls) == 0)

    def worked(self) -> None:
        """The connection has held long enough to count: the next pause is short again."""
        self._backoff.reset()
