# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node keeps of its mesh: the bundle, its own credential, and what the authority states to everybody.

In the folder: `bundle.cbor` (root and issuer), `revoked.cbor` (the newest revocation list), `policy.cbor` (the newest
policy, once there is one), `limits.cbor` (those of the fleet, likewise), of each of these three a `.copy`, and
`credential.cwt` (this node's), all public. What the disk does not take holds all the same, and is written later.
"""

import asyncio
import logging
from pathlib import Path
from typing import Any

from ganglion.mesh import files
from ganglion.mesh.credential import CredentialError, Trust
from ganglion.mesh.revocation import KeptList
from ganglion.mesh.signed_config import FORMS, KeptConfig
from ganglion.mesh.statement import Kept
from ganglion_micro import cbor, cose

_log = logging.getLogger(__name__)

BUNDLE = "bundle.cbor"
CREDENTIAL = "credential.cwt"
#: Seconds until the disk is tried again.
_RETRY = 60.0


class StateFolder:
    """One node's.

    Args:
        path: Where it is.

    Attributes:
        revocations: The newest list of the revoked.
        configs: The newest policy, and what else has its form, by what it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.revocations = KeptList(path / "revoked.cbor")
        self.configs: dict[str, KeptConfig[Any]] = {
            form.what: KeptConfig(path / f"{form.what}.cbor", form) for form in FORMS
        }
        self._unwritten: dict[str, bytes] = {}

    @property
    def statements(self) -> dict[str, Kept[Any]]:
        """All that the authority states, by what `ganglion mesh stats` calls it."""
        return {"revocations": self.revocations, **self.configs}

    @property
    def lost(self) -> dict[str, str]:
        """Statements of the authority that were here and are not believed any more, until they are heard again."""
        return {name: each.lost for name, each in self.statements.items() if each.lost}

    def read(self, name: str) -> bytes | None:
        """The bundle or the credential; None where there is none."""
        return files.read(self.path / name)

    def load(self, trust: Trust) -> None:
        """Finds what an earlier run has kept of the statements."""
        for kept in self.statements.values():
            kept.load(trust)

    def keep(self, name: str, data: bytes) -> None:
        """It holds from now on, whether the disk takes it or not."""
        self._unwritten[name] = data
        self._write()

    def forget(self, name: str) -> None:
        """What the disk has not taken of this is not to be written any more."""
        self._unwritten.pop(name, None)

    def _write(self) -> None:
        for name, data in list(self._unwritten.items()):
            try:
                files.write(self.path / name, data)
            except OSError as error:
                _log.error("%s cannot be kept in %s: %s; it is tried again.", name, self.path, error.strerror)
            else:
                del self._unwritten[name]

    async def run(self) -> None:
        """Writes what the disk has not taken, until it is taken; until cancelled."""
        while True:
            await asyncio.sleep(_RETRY)
            self._write()
            for kept in self.statements.values():
                kept.save()


def doubts(state: Path) -> tuple[list[str], list[str]]:
    """What of the authority's statements in a node's state folder is not believed: where the copy still is, and where
    nothing is left. It changes no file.
    """
    folder = StateFolder(state)
    try:
        bundle = folder.read(BUNDLE)
        trust = None if bundle is None else Trust.read(bundle, pin=pin_of(bundle))
    except (CredentialError, OSError) as error:
        return [], [f"{state / BUNDLE} is not believed ({error})"]
    damaged: list[str] = []
    lost: list[str] = []
    if trust is not None:
        for kept in folder.statements.values():
            wrong = kept.look(trust)
            (lost if kept.lost else damaged).extend(wrong)
    return damaged, lost


def pin_of(bundle: bytes) -> bytes:
    """The pin of a bundle that this node has pinned before, and kept in its own state.

    Raises:
        CredentialError: it is none.
    """
    try:
        return cose.thumbprint(cose.public(cbor.decode(bundle)["root"]))
    except (cbor.CBORError, TypeError, LookupError):
        raise CredentialError(f"{BUNDLE} is damaged") from None
