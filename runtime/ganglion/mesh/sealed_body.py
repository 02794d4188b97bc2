# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies that are sealed for a group or for one member: where one stands, and what it says to who may read it. Pure."""

from typing import Any

from ganglion.mesh import keywrap
from ganglion.mesh.aead import SealError
from ganglion.mesh.group import NoKeyError, Place
from ganglion.mesh.groups import Groups, StrangerError, open_for
from ganglion.mesh.identity import Identity
from ganglion.mesh.standing import Cause, DropError
from ganglion_micro import cbor, gl1


def place_of(mesh: bytes, sender: bytes, msg: gl1.MSG) -> Place:
    """What the sealed body of a message is bound to.

    Args:
        mesh: Its id, 8 bytes.
        sender: The key id of who signs.
    """
    return Place(mesh=mesh, sender=sender, kind=msg.kind, dst=msg.dst, epoch=msg.epoch, seq=msg.seq)


def is_for_one(msg: gl1.MSG) -> bool:
    """Whether a command or an answer is sealed for its receiver alone."""
    return msg.kind in (gl1.REQUEST, gl1.REPLY) and type(msg.body) is cbor.Tag and msg.body.number == keywrap.TAG


def opened(msg: gl1.MSG, topic: str | None, place: Place, *, groups: Groups, own: Identity) -> Any:
    """What a sealed body says.

    Args:
        topic: On which it came; None where neighbours brought it.
        groups: Whose keys open it where it is for a group.
        own: Whose key opens it where it is for one member.

    Raises:
        DropError: there is no key for it, its sender is in the group no more, or it was altered.
    """
    try:
        body = groups.decrypt(msg.body, place) if type(msg.dst) is str else open_for(own, msg.body, place)
    except NoKeyError as error:
        raise DropError(Cause.UNREADABLE, str(error)) from None
    except StrangerError as error:
        raise DropError(Cause.UNAUTHORISED, str(error)) from None
    except SealError as error:
        raise DropError(Cause.FORGED, str(error)) from None
    if msg.kind != gl1.EVENT:
        return body
    cls = body.get("class") if type(body) is dict else None
    if not gl1.level(cls) or (topic is not None and cls != topic.rpartition("/")[2]):
        raise DropError(Cause.MISADDRESSED, "an event whose class is not that of its topic")
    return body
