# SPDX-License-Identifier: GPL-3.0-or-later
"""socket: streams over TCP, what is not there, and time that is up; asyncio's streams."""

import asyncio
import errno
import socket

import usocket

listening = usocket.socket()
listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
for port in range(39100, 39400):
    try:
        listening.bind(socket.getaddrinfo("127.0.0.1", port)[0][-1])
        break
    except OSError:
        pass
listening.listen(1)
client = socket.socket()
address = socket.getaddrinfo("127.0.0.1", port)[0][-1]
client.connect(address)
server, _ = listening.accept()
print(client.write("line\nrest"), server.readline(), server.read(4))
print(server.send(b"abc"), client.recv(10))
print(server.write(b"12345678"), client.read(3))
room = bytearray(4)
print(client.readinto(room), room, client.recv(10))
client.setblocking(False)
try:
    client.recv(1)
except OSError as error:
    print(error.errno == errno.EAGAIN)
print(client.read(1), client.readline())
client.settimeout(0.01)
try:
    client.recv(1)
except OSError as error:
    print(error.errno == errno.ETIMEDOUT or error.errno == errno.EAGAIN)
client.settimeout(None)
server.close()
print(client.read(), client.read(1), client.recv(1), client.readline())
client.close()
listening.close()
refused = socket.socket()
try:
    refused.connect(address)
except OSError as error:
    print(error.errno == errno.ECONNREFUSED)
refused.close()


async def echo(reader, writer):
    line = await reader.readline()
    writer.write(line)
    await writer.drain()
    print(await reader.readexactly(3))
    writer.write(b"more than that")
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", port, 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await writer.awrite(b"hello\nabc")
    print(await reader.readline(), await reader.read(4), await reader.readexactly(5), await reader.read())
    try:
        await reader.readexactly(1)
    except EOFError:
        print("EOFError")
    await writer.aclose()
    server.close()
    await server.wait_closed()


asyncio.run(main())
