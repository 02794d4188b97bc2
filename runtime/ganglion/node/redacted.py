# SPDX-License-Identifier: GPL-3.0-or-later
"""Text without the secrets that are known by their form. Pure.

A log is read by more people than may know a password. What is written with care names no secret; a URL in the message
of somebody else's library does.
"""

import re

_HIDDEN = "[hidden]"
#: `user:password@` of a URL; what follows the name of a secret; tokens that are known by how they begin.
_URL = re.compile(r"(?<=://)([^\s/:@]*):[^\s/@]+@")
_NAMED = re.compile(
    r"(?i)\b((?:[\w-]*(?:password|passphrase|passwd|secret|token|api[_-]?key|private[_-]?key)|psk|pwd)[\"']?\s*[=:]\s*)"
    r"(?:\"[^\"]*\"|'[^']*'|[^\s,;&\"')\]}]+)"
)
_AUTHORIZATION = re.compile(r"(?i)\b(bearer|basic|apikey)\s+[\w.~+/=-]{8,}")
_TOKEN = re.compile(
    r"\b(?:gk1_\w{20,}|gt_[\w-]{20,}|whsec_[\w+/=-]{16,}|sk-[\w-]{20,}|gh[oprsu]_\w{30,}|github_pat_\w{20,}|glpat-[\w-]{20,}"
    r"|xox[abeoprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}|AIza[\w-]{35}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,})"
)
_KEY = re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)


def redacted(text: str) -> str:
    """The text with `[hidden]` in place of each."""
    text = _KEY.sub(_HIDDEN, text)
    text = _URL.sub(rf"\1:{_HIDDEN}@", text)
    text = _AUTHORIZATION.sub(rf"\1 {_HIDDEN}", text)
    text = _TOKEN.sub(_HIDDEN, text)
    return _NAMED.sub(rf"\1{_HIDDEN}", text)
