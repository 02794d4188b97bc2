# SPDX-License-Identifier: GPL-3.0-or-later
"""select: objects with an ioctl of their own."""

import errno
import io
import select

import uselect


class Own(io.IOBase):
    ready = 0

    def ioctl(self, request, argument):
        return self.ready & argument if request == 3 else -1


first, second = Own(), Own()
poll = uselect.poll()
poll.register(first, select.POLLIN)
poll.register(second)
print(poll.poll(0), len(poll.poll(5)))
first.ready = select.POLLIN | select.POLLOUT
print([(obj is first, events) for obj, events in poll.poll()])
poll.modify(first, select.POLLOUT)
print([(obj is first, events) for obj, events in poll.ipoll(0)])
second.ready = select.POLLOUT
print([events for obj, events in poll.ipoll(0, 1)], poll.poll(0))
poll.unregister(first)
try:
    poll.modify(first, select.POLLIN)
except OSError as error:
    print(error.errno == errno.ENOENT)
