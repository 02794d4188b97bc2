# SPDX-License-Identifier: GPL-3.0-or-later
"""Ed25519 of a board on a real MicroPython, in Python and by a native `_ed25519`: the signatures are everybody's."""

import hashlib
import random
import re
import subprocess
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from conformance.test_ed25519_vectors import RFC_8032
from ganglion_agent.section import ConfigError
from ganglion_agent.signer import Signer
from support import micropython

NATIVE = Path(__file__).parents[1] / "support" / "native"
SCRIPT = NATIVE.parent / "signing" / "signatures.py"


def identity(seed: bytes) -> bytes:
    """The file of a seed."""
    body = seed + bytes(SigningKey(seed).verify_key)
    return body + hashlib.sha256(body).digest()[:4]


def cases() -> list[tuple[bytes, bytes]]:
    chance = random.Random(8032)
    found = [(bytes.fromhex(seed), bytes.fromhex(message)) for seed, _, message, _ in RFC_8032]
    return found + [(chance.randbytes(32), chance.randbytes(size)) for size in (0, 1, 111, 112, 127, 128, 700)]


@pytest.mark.parametrize("native", [False, True])
def test_a_board_signs_as_everybody_does(native: bool, tmp_path: Path) -> None:
    vectors = tmp_path / "vectors"
    vectors.write_text("".join(f"{identity(seed).hex()} {message.hex()}\n" for seed, message in cases()))
    words = [vectors, tmp_path / "identity", *([NATIVE] if native else [])]
    done: subprocess.CompletedProcess[str] = micropython.run(SCRIPT, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    *made, last = done.stdout.splitlines()
    assert made == [SigningKey(seed).sign(message).signature.hex() for seed, message in cases()]
    assert last == f"{native} {not native}", "what cannot wait is done meanwhile"


def test_an_identity_that_is_damaged_is_said(tmp_path: Path) -> None:
    path = tmp_path / "identity"
    for data in (b"", identity(bytes(32))[:-1], bytes(68)):
        path.write_bytes(data)
        with pytest.raises(ConfigError, match=re.escape(f"{path} is damaged: remove it")):
            Signer(str(path), lambda: None)
