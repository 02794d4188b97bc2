# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node said in CBOR, as JSON can say it: stored, shown, sent on."""

import base64
import math
from typing import Any

from ganglion_micro.cbor import Tag


def jsonable(value: Any) -> Any:
    """The nearest JSON value: byte strings become base64url, NaN and infinities null, map keys text; tags vanish."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case bytes():
            return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
        case list() | tuple():
            return [jsonable(item) for item in value]
        case dict():
            return {_key(key): jsonable(item) for key, item in value.items()}
        case Tag():
            return jsonable(value.value)
    raise TypeError(f"{type(value).__name__} does not come out of CBOR")


def _key(key: Any) -> str:
    return key if isinstance(key, str) else str(jsonable(key))
