# SPDX-License-Identifier: GPL-3.0-or-later
"""`_ed25519` for MicroPython's unix port, by libsodium: what a board may have as a native module."""

import ffi

_lib = ffi.open("libsodium.so.23")
_pair = _lib.func("i", "crypto_sign_seed_keypair", "ppp")
_sign = _lib.func("i", "crypto_sign_detached", "ppPQp")
_verify = _lib.func("i", "crypto_sign_verify_detached", "pPQp")


def _secret(seed):
    public, secret = bytearray(32), bytearray(64)
    _pair(public, secret, seed)
    return bytes(public), secret


def public(seed):
    return _secret(seed)[0]


def sign(seed, message):
    made = bytearray(64)
    _sign(made, None, message, len(message), _secret(seed)[1])
    return bytes(made)


def verify(public, signature, message):
    return len(signature) == 64 and _verify(signature, message, len(message), public) == 0
