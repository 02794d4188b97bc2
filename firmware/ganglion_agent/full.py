# SPDX-License-Identifier: GPL-3.0-or-later
"""A device as a full member of the mesh: what its configuration says of it, its own key, and the way to its broker.

On the flash are `identity`, which is secret, and in the folder `mesh` what was verified once: `pin`, by which the root
key is known, `bundle`, `gateways`, `revoked`, `holds` and `credential`. The enrol key is removed once it has done its
work.
"""

import os

from ganglion_agent import flash
from ganglion_agent.section import ConfigError, Section
from ganglion_agent.signer import FILE, Signer
from ganglion_micro.authority import Authority
from ganglion_micro.enrol import EnrolKey
from ganglion_micro.member import Member

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ganglion_agent.device import Device

#: How the `sw` of a board's birth begins: it has the methods of the agent, not those of a node.
SOFTWARE = "ganglion-agent/"
#: TCP port of MQTT.
PORT = 1883
#: Of what the mesh says that is kept, and the one of them that says that this board has joined.
FOLDER = "mesh/"
_CREDENTIAL, _BUNDLE, _PIN = "credential", "bundle", "pin"
#: Bytes of a boot's nonce.
_NONCE = 8


class Full:
    """The broker that `agent.json` names, and the enrol key.

    Args:
        folder: Of their files; None where these are not to be looked at.
        kind: Of the uplink.

    Attributes:
        updates: Whose are taken, where nothing else is said.
        turn_ms: The shortest watchdog: a turn may have two signatures, 1.7 s each on an RP2040 in Python.

    Raises:
        ConfigError: something is wrong or missing.
    """

    updates = "gateway"
    turn_ms = 6000

    def __init__(self, section: Section, folder: "str | None", kind: str) -> None:
        if kind == "serial":
            raise section.error("broker", "a broker is on a network, and uplink.kind is serial")
        self.host, self.port, account = _broker(section)
        key = section.take("enrol_key", str, "enrol.key")
        self._folder = folder or ""
        self._file = self._folder + key
        self.account: "tuple[str, ...]" = ()
        self.key: "EnrolKey | None" = None
        if folder is not None:
            self._read(section, account)
        self.authority: "Authority | None" = None
        self._signer: "Signer | None" = None
        self._member: "Member | None" = None

    def _read(self, section: Section, account: str) -> None:
        if account:
            text = flash.read(self._folder + account)
            user, _, password = ("" if text is None else text.decode().strip()).partition(":")
            if not user or not password:
                raise section.error("broker", "{} is to have the account in it, as user:password".format(account))
            self.account = (user, password)
        text = flash.read(self._file)
        if text is not None:
            try:
                self.key = EnrolKey(text.decode())
            except (ValueError, UnicodeError) as error:
                raise section.error("enrol_key", "{}: {}".format(self._file, error)) from None
        elif self._kept(_CREDENTIAL) is None:
            raise section.error(
                "enrol_key", "{} is not there: `ganglion enrol-key create` prints one".format(self._file)
            )

    def _kept(self, name: str) -> "bytes | None":
        return flash.read(self._folder + FOLDER + name)

    def _keep(self, name: str, data: bytes) -> None:
        try:
            try:
                os.mkdir(self._folder + FOLDER[:-1])
            except OSError:
                pass  # it is there
            flash.replace(self._folder + FOLDER + name, data)
        except OSError as error:  # it holds in this boot all the same, and is heard again in the next
            self._log("error", "mesh/{} cannot be kept: {}".format(name, error))
            return
        key = self.key
        if key is not None and self._kept(_PIN) == key.pin and self._kept(_BUNDLE) and self._kept(_CREDENTIAL):
            self.key = None  # without one of these, nobody would know the mesh again
            flash.remove(self._file)

    def joins(self, device: "Device", boot: int, about: "dict[str, Any]") -> "tuple[Any, Any]":
        """What speaks with the mesh in this boot, and the way to the broker.

        Raises:
            ConfigError: the identity is damaged, or what is kept is missing, damaged, or of another mesh.
            OSError: the flash cannot be written.
        """
        from ganglion_agent.broker import Broker
        from ganglion_agent.wifi import Place
        from ganglion_micro.mqtt import Mqtt

        self._log = device.log
        signer = self._signer = Signer(self._folder + FILE, device.hurry)
        pin = self.key.pin if self.key is not None else b""
        try:
            authority = self.authority = Authority(pin, signer.verify, self._kept, self._keep)
        except ValueError as error:
            raise ConfigError(
                "{}{}: {}: remove that folder and give the board an enrol key".format(self._folder, FOLDER, error)
            ) from None
        about["sw"] = SOFTWARE + about["sw"]
        about["caps"] = {"sensors": {name: {"unit": device.units[name]} for name in device.units}}
        member = self._member = Member(
            authority,
            signer,
            boot,
            os.urandom(_NONCE),
            about,
            self.key,
            self._kept,
            self._keep,
            device.log,
            os.urandom,
        )
        way = Broker(
            Place("broker", self.host, device.log),
            self.port,
            lambda: Mqtt(signer.client(), member.will, member.filters, self.account),
            member.connected,
            device.log,
        )
        speed = "native" if signer.is_native else "in Python"
        device.log("info", "this is {}; Ed25519 is {}: {} ms a signature".format(member.node, speed, signer.cost))
        return member, way

    def issuer(self) -> "tuple[bytes, bytes]":
        """The issuer's public key, as the mesh says it now, and the mesh's id. Raises: ValueError, nobody has said."""
        authority = self.authority
        if authority is None or authority.issuer is None:
            raise ValueError("this board has not heard yet who the issuer is")
        return authority.issuer.public, authority.mesh

    def time(self) -> int:
        """Nanoseconds since the Unix epoch; 0 where no gateway has said."""
        return 0 if self._member is None else self._member.now

    def verify(self, public: bytes, signature: bytes, message: bytes) -> bool:
        """Whether a signature is over a message."""
        return self._signer is not None and self._signer.verify(public, signature, message)

    @staticmethod
    def asks(member: Member, asked: "dict[str, Any]", answer: "Callable[[dict[str, Any]], None]", ns: int) -> bool:
        """Asks the gateway's model what a script asks; whether it is taken. Other links ask who they have.

        Args:
            asked: As `prompts.Prompts` has it.
            answer: Gets what came of it, as `Prompts.answer` takes it.

        Raises:
            CBORError: it is too long.
        """
        params = {key: asked[key] for key in asked if key not in ("id", "tokens")}
        params["run"] = "board/" + asked["id"]
        if "tokens" in asked:
            params["max_tokens"] = asked["tokens"]

        def answered(body: "dict[str, Any]") -> None:
            result, error = body.get("result"), body.get("error")
            said = {"id": asked["id"]}  # type: dict[str, Any]
            if body.get("ok") is True and type(result) is dict and "value" in result:
                tokens = result.get("tokens")
                counts = [n for n in tokens.values() if type(n) is int] if type(tokens) is dict else []
                said.update(value=result["value"], model=result.get("model"), tokens=sum(counts) or None)
            else:
                said["error"] = str(error.get("message") if type(error) is dict else "the gateway gave no answer")[:200]
            try:
                answer(said)
            except ValueError:
                pass  # nobody waits any more

        return member.question("prompt", params, answered, ns)


def _broker(section: Section) -> "tuple[str, int, str]":
    """Host, port, and the file of the account in `mqtt://host[:port][?account=FILE]`."""
    url = section.take("broker", str)
    scheme, _, rest = url.partition("://")
    rest, _, option = rest.partition("?")
    host, _, port = rest.partition(":")
    if scheme == "mqtts":
        raise section.error("broker", "a board speaks no TLS yet: give it a listener without, mqtt://")
    right = scheme == "mqtt" and host and not [letter for letter in host if letter in "/@[] "]
    right = right and (not option or option.startswith("account=")) and (not port or _is_port(port))
    if not right:
        raise section.error("broker", "must be mqtt://host, mqtt://host:port or either with ?account=FILE behind it")
    return host, int(port or PORT), option[len("account=") :]


def _is_port(text: str) -> bool:
    return len(text) < 6 and not [letter for letter in text if letter not in "0123456789"] and 0 < int(text) < 65536
