# SPDX-License-Identifier: GPL-3.0-or-later
"""The signature of an apk of the second form, as abuild-sign makes it: a part of its own before the other two.

The part is a gzipped tar of one file, whose name says the digest and which file of `/etc/apk/keys` holds the public
key, and whose content is an RSA signature (PKCS #1 v1.5) of the bytes of the part with .PKGINFO (apk-tools, apk-v2(5);
abuild, abuild-sign.in). That part has the hash of the data, so the signature is one of all.
"""

from collections.abc import Callable
from pathlib import Path

from ganglion.errors import InvalidError, NotFoundError, unread
from ganglion_tools.package.archive import Entry, gz, tar

#: Makes the part that goes before the one with .PKGINFO, of that, at a time in seconds since 1970.
Sign = Callable[[bytes, int], bytes]


def signer(path: Path) -> tuple[Sign, str]:
    """What signs by a private key, and the name of the file that the public one has on the router.

    Args:
        path: An RSA key in PEM, as abuild-keygen or `openssl genrsa` makes it, without a passphrase.

    Raises:
        NotFoundError: there is none.
        InvalidError: it is none, has a passphrase, or is of another kind.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {path}: `openssl genrsa -out {path} 4096` makes a key") from None
    except OSError as error:
        raise InvalidError(unread(error), where=str(path)) from None
    except TypeError:
        raise InvalidError(
            "has a passphrase: `openssl rsa` with -in and -out makes a key without", where=str(path)
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidError("is no private key in PEM, as `openssl genrsa` makes it", where=str(path)) from None
    if not isinstance(key, RSAPrivateKey):
        raise InvalidError("is no RSA key, which apk asks for: `openssl genrsa` makes one", where=str(path))
    name = f"{path.name}.pub"

    def sign(control: bytes, time: int) -> bytes:
        signature = key.sign(control, PKCS1v15(), hashes.SHA256())
        return gz(tar([Entry(path=f".SIGN.RSA256.{name}", data=signature)], time, ended=False))

    return sign, name
