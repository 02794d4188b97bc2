# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion_micro.cbor on RFC 8949 appendix A (github.com/cbor/test-vectors) and on its appendix F."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from ganglion_micro.cbor import CBORError, Tag, decode, encode

VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors"
APPENDIX_A = json.loads((VECTORS / "cbor" / "appendix_a.json").read_text())

#: Well-formed CBOR that is not deterministic, or outside of the profile: floats that a shorter one equals,
#: simple values, indefinite lengths.
REFUSED = {
    *("fa7f800000", "fa7fc00000", "faff800000", "fb7ff0000000000000", "fb7ff8000000000000", "fbfff0000000000000"),
    *("f7", "f0", "f818", "f8ff"),
    *("5f42010243030405ff", "7f657374726561646d696e67ff", "9fff", "9f018202039f0405ffff", "9f01820203820405ff"),
    *("83018202039f0405ff", "83019f0203ff820405", "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff"),
    *("bf61610161629f0203ffff", "826161bf61626163ff", "bf6346756ef563416d7421ff"),
}


def expected(decoded: Any) -> Any:
    """The JSON's value; it writes the bignums as integers."""
    if isinstance(decoded, int) and not -(2**64) <= decoded < 2**64:
        number = decoded if decoded > 0 else -1 - decoded
        return Tag(2 if decoded > 0 else 3, number.to_bytes(9, "big"))
    return decoded


@pytest.mark.parametrize("vector", APPENDIX_A, ids=lambda vector: vector["hex"])
def test_appendix_a_is_read_and_written_to_the_byte_or_refused(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    if vector["hex"] in REFUSED:
        with pytest.raises(CBORError):
            decode(data)
        return
    value = decode(data)
    assert encode(value) == data
    if "decoded" in vector:
        assert value == expected(vector["decoded"])


def test_sixty_one_of_appendix_a_are_taken_and_twenty_one_refused() -> None:
    assert len(APPENDIX_A) == 82
    assert {vector["hex"] for vector in APPENDIX_A} > REFUSED
    assert len(REFUSED) == 21


def test_the_values_that_json_cannot_say() -> None:
    assert math.isnan(decode(bytes.fromhex("f97e00")))
    assert decode(bytes.fromhex("f97c00")) == math.inf
    assert decode(bytes.fromhex("f9fc00")) == -math.inf
    assert decode(bytes.fromhex("4401020304")) == b"\x01\x02\x03\x04"
    assert decode(bytes.fromhex("c11a514b67b0")) == Tag(1, 1363896240)
    assert decode(bytes.fromhex("a201020304")) == {1: 2, 3: 4}


# RFC 8949 appendix F, "Examples of CBOR data items that are not well-formed".
APPENDIX_F = """18 19 1a 1b 1901 1a0102 1b01020304050607 38 58 78 98 9a01ff00 b8 d8 f8 f900 fa0000 fb000000
41 61 5affffffff00 5bffffffffffffffff010203 7affffffff00 7b7fffffffffffffff010203
81 818181818181818181 8200 a1 a20102 a100 a2000000
c0 5f4100 7f6100 9f 9f0102 bf bf01020102 819f 9f8000 9f9f9f9f9fffffffff 9f819f819f9fffffff
1c 1d 1e 3c 3d 3e 5c 5d 5e 7c 7d 7e 9c 9d 9e bc bd be dc dd de fc fd fe
f800 f801 f818 f81f 5f00ff 5f21ff 5f6100ff 5f80ff 5fa0ff 5fc000ff 5fe0ff 7f4100ff 5f5f4100ffff 7f7f6100ffff
ff 81ff 8200ff a1ff a1ff00 a100ff a20000ff 9f81ff 9f829f819f9fffffffff bf00ff bf000000ff 1f 3f df"""


@pytest.mark.parametrize("data", APPENDIX_F.split())
def test_appendix_f_is_refused(data: str) -> None:
    with pytest.raises(CBORError):
        decode(bytes.fromhex(data))
