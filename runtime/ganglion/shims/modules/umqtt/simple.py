# SPDX-License-Identifier: GPL-3.0-or-later
"""`umqtt.simple`: an MQTT 3.1.1 client that blocks, QoS 0 and 1. Section numbers are those of the OASIS standard."""

import struct
from collections.abc import Callable
from typing import Any

from ganglion.mqtt import packet
from ganglion.shims.buffers import readable
from ganglion.shims.modules import socket
from ganglion.shims.modules import ssl as tls

_CLEAN, _WILL, _RETAIN_WILL, _PASSWORD, _USER = 0x02, 0x04, 0x20, 0x40, 0x80


class MQTTException(Exception):
    """The broker refused; the number is its return code."""


def _field(data: bytes) -> bytes:
    """Bytes with their length before them (1.5.3)."""
    return struct.pack(">H", len(data)) + data


class MQTTClient:
    """A connection to a broker.

    Args:
        client_id: The session's name.
        server, port: Where it is; 1883, or 8883 with TLS, without a port.
        user, password: The account, where one is asked for.
        keepalive: Seconds within which the broker hears from us; 0 for no such promise. The script calls `ping`.
        ssl: A context of `ssl`, or True for TLS that checks no certificate, with `ssl_params` of `ssl.wrap_socket`.
    """

    def __init__(
        self,
        client_id: Any,
        server: str,
        port: int = 0,
        user: Any = None,
        password: Any = None,
        keepalive: int = 0,
        ssl: Any = None,
        ssl_params: dict[str, Any] | None = None,
    ) -> None:
        self.client_id = readable(client_id)
        self.server = server
        self.port = port or (8883 if ssl else 1883)
        self.user, self.pswd = user, password
        self.keepalive = keepalive
        self.ssl, self.ssl_params = ssl, ssl_params or {}
        self.sock: Any = None
        self.cb: Callable[[bytes, bytes], object] | None = None
        self.pid = 0
        self.lw: tuple[bytes, bytes, bool, int] | None = None
        self._answer = b""

    def set_callback(self, f: Callable[[bytes, bytes], object]) -> None:
        """Has `f(topic, message)` called for each message, as bytes."""
        self.cb = f

    def set_last_will(self, topic: Any, msg: Any, retain: bool = False, qos: int = 0) -> None:
        """What the broker publishes when this client vanishes; before `connect`.

        Raises:
            ValueError: the topic is empty, or there is no such QoS.
        """
        if not topic or not 0 <= qos <= 2:
            raise ValueError("a will has a topic and a QoS of 0 to 2")
        self.lw = (readable(topic), readable(msg), retain, qos)

    def connect(self, clean_session: bool = True, timeout: float | None = None) -> bool:
        """Connects; whether the broker knew the session.

        Raises:
            OSError: nobody is there, or it takes longer than so many seconds.
            MQTTException: the broker refused (3.2.2.3).
        """
        if self.sock is not None:
            self.sock.close()
        self.sock = socket.socket()
        self.sock.settimeout(timeout)
        try:
            self.sock.connect(socket.getaddrinfo(self.server, self.port)[0][-1])
            if self.ssl is True:
                self.sock = tls.wrap_socket(self.sock, **self.ssl_params)
            elif self.ssl:
                self.sock = self.ssl.wrap_socket(self.sock, server_hostname=self.server)
            self.sock.write(packet.packet(packet.CONNECT, self._greeting(clean_session)))
            answer = self._exactly(4)
            if answer[:2] != bytes((packet.CONNACK, 2)):
                raise MQTTException(-1)
            if answer[3]:
                raise MQTTException(answer[3])
        except BaseException:
            self.sock.close()
            raise
        return bool(answer[2] & 1)

    def _greeting(self, clean_session: bool) -> bytes:
        flags = _CLEAN if clean_session else 0
        fields = [self.client_id]
        if self.lw is not None:
            topic, message, retain, qos = self.lw
            flags |= _WILL | qos << 3 | (_RETAIN_WILL if retain else 0)
            fields += [topic, message]
        if self.user is not None:
            flags |= _USER
            fields.append(readable(self.user))
            if self.pswd is not None:
                flags |= _PASSWORD
                fields.append(readable(self.pswd))
        head = _field(b"MQTT") + bytes((4, flags)) + struct.pack(">H", self.keepalive)
        return head + b"".join(map(_field, fields))

    def disconnect(self) -> None:
        """Says goodbye, so that the will is not published."""
        self.sock.write(packet.GOODBYE)
        self.sock.close()

    def ping(self) -> None:
        """Tells the broker that we are there."""
        self.sock.write(packet.PING)

    def publish(self, topic: Any, msg: Any, retain: bool = False, qos: int = 0) -> None:
        """Sends a message; with QoS 1 returns when the broker has it.

        Raises:
            OSError: the connection is gone.
            ValueError: QoS 2.
        """
        if not 0 <= qos <= 1:
            raise ValueError("QoS must be 0 or 1")
        body = _field(readable(topic))
        if qos:
            body += struct.pack(">H", self._next())
        first = packet.PUBLISH | qos << 1 | bool(retain)
        self.sock.write(packet.packet(first, body + readable(msg)))
        if qos:
            self._until(packet.PUBACK, self.pid)

    def subscribe(self, topic: Any, qos: int = 0) -> None:
        """Asks for messages; returns when the broker has agreed.

        Raises:
            MQTTException: it did not (3.9.3).
            ValueError: no callback was set.
        """
        if self.cb is None:
            raise ValueError("subscribe needs a callback: set_callback comes first")
        identifier = self._next()
        body = struct.pack(">H", identifier) + _field(readable(topic)) + bytes((qos,))
        self.sock.write(packet.packet(packet.SUBSCRIBE, body))
        answer = self._until(packet.SUBACK, identifier)
        if answer[2] == 0x80:
            raise MQTTException(answer[2])

    def wait_msg(self) -> int | None:
        """Waits for a packet and does what it asks for; the kind of one that is no message.

        Raises:
            OSError: the connection is gone.
        """
        return self._receive()

    def _receive(self) -> int | None:
        first = self.sock.read(1)
        self.sock.setblocking(True)
        if first is None:
            return None
        if first == b"":
            raise OSError(-1)
        body = self._exactly(self._length())
        if first[0] == packet.PINGRESP:
            return None
        if first[0] & 0xF0 != packet.PUBLISH:
            self._answer = body
            return int(first[0])
        self._message(first[0], body)
        return None

    def check_msg(self) -> int | None:
        """As `wait_msg`, where there is a packet."""
        self.sock.setblocking(False)
        return self.wait_msg()

    def _message(self, first: int, body: bytes) -> None:
        end = 2 + int.from_bytes(body[:2], "big")
        topic, payload = body[2:end], body[end:]
        qos = first >> 1 & 3
        if qos:
            identifier, payload = payload[:2], payload[2:]
        if self.cb is not None:
            self.cb(topic, payload)
        if qos:
            self.sock.write(packet.packet(packet.PUBACK, identifier))

    def _next(self) -> int:
        self.pid = self.pid % 65535 + 1
        return self.pid

    def _until(self, kind: int, identifier: int) -> bytes:
        """Waits for the answer to a packet, and takes messages meanwhile."""
        while True:
            if self._receive() == kind and int.from_bytes(self._answer[:2], "big") == identifier:
                return self._answer

    def _length(self) -> int:
        """A packet's remaining length (2.2.3)."""
        length = 0
        for shift in (0, 7, 14, 21):
            byte = self._exactly(1)[0]
            length |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return length
        raise OSError(-1)

    def _exactly(self, count: int) -> bytes:
        data = self.sock.read(count)
        if data is None or len(data) != count:
            raise OSError(-1)
        return bytes(data)
