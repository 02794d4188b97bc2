# SPDX-License-Identifier: GPL-3.0-or-later
"""socket: `write` of more than the system takes at once: with a time limit, when that is up, and without waiting."""

import _thread
import errno
import socket

_SNDBUF, _RCVBUF = 7, 8  # of Linux; MicroPython names neither
DATA = bytes(range(250)) * 4000

listening = socket.socket()
listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listening.setsockopt(socket.SOL_SOCKET, _RCVBUF, 4096)
for port in range(39400, 39700):
    try:
        listening.bind(socket.getaddrinfo("127.0.0.1", port)[0][-1])
        break
    except OSError:
        pass
listening.listen(1)
address = socket.getaddrinfo("127.0.0.1", port)[0][-1]


def pair():
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, _SNDBUF, 4096)
    client.connect(address)
    return client, listening.accept()[0]


for seconds in (30, None):
    client, server = pair()
    client.settimeout(seconds)
    arrived = []
    done = _thread.allocate_lock()
    done.acquire()

    def read(server=server, arrived=arrived, done=done):
        arrived.append(server.read())
        done.release()

    _thread.start_new_thread(read, ())
    print(client.write(DATA), client.write(b""), client.write(b"the end", 4), client.write(b"the end", 4, 2))
    client.close()
    done.acquire()
    print(len(arrived[0]), arrived[0] == DATA + b"the en")
    server.close()

client, server = pair()
client.settimeout(0.05)
try:
    print(client.write(DATA))
except OSError as error:
    print(error.errno == errno.ETIMEDOUT)
server.close()
client.close()

client, server = pair()
client.setblocking(False)
wrote = 0
while (count := client.write(DATA)) is not None:
    wrote += count
print(0 < wrote < len(DATA), client.write(b""))
client.close()
print(len(server.read()) == wrote)
server.close()
listening.close()
