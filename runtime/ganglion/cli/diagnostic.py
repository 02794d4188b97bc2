# SPDX-License-Identifier: GPL-3.0-or-later
"""CBOR as people read it: diagnostic notation (RFC 8949 section 8), on one line that a terminal may see."""

import json
import math
from typing import Any

from ganglion.cli.show import plain
from ganglion_micro.cbor import Tag


def diagnostic(value: Any) -> str:
    """What `ganglion_micro.cbor.decode` gave, in diagnostic notation."""
    match value:
        case bytes():
            return f"h'{value.hex()}'"
        case list():
            return f"[{', '.join(map(diagnostic, value))}]"
        case dict():
            return f"{{{', '.join(f'{diagnostic(key)}: {diagnostic(item)}' for key, item in value.items())}}}"
        case Tag():
            return f"{value.number}({diagnostic(value.value)})"
        case float() if not math.isfinite(value):
            return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return plain(json.dumps(value, ensure_ascii=False))
