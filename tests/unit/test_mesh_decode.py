# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion mesh decode`: the public vectors, messages of every shape, and whatever else a shell may hand over."""

import io
import json
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganglion.cli.main import main
from ganglion.mesh import verdict
from ganglion.mesh.identity import Identity
from ganglion_micro import cbor, cose, gl1, mac0
from support.mesh import Site

VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors" / "cose"
WHO = Identity(bytes(range(32)))
KEY = ["--key", WHO.public.hex()]
SHARED = bytes(range(32, 64))
SECRET = ["--secret", SHARED.hex()]


class Shell:
    """Runs the command and reads its one document."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self.code = 0
        self.err = ""

    def run(self, *words: str, stdin: bytes = b"") -> str:
        self._monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        self.code = main(["mesh", "decode", *words])
        out, self.err = self._capsys.readouterr()
        assert "Traceback" not in self.err
        return out

    def __call__(self, message: bytes | str, *words: str, stdin: bytes = b"") -> dict[str, Any]:
        text = message if isinstance(message, str) else message.hex()
        document: dict[str, Any] = json.loads(self.run(text, *words, "--json", stdin=stdin))
        if self.code != 3:
            assert list(document) == ["valid", "tag", "alg", "kid", "payload_hex", "error"]
            assert self.code == (0 if document["valid"] else 1)
            assert (document["error"] is None) == document["valid"]
        return document


@pytest.fixture
def decode(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(capsys, monkeypatch)


def signed(
    protected: Any,
    unprotected: Any = None,
    *,
    payload: Any = b"payload",
    aad: bytes = b"",
    tag: int | None = 18,
    raw: bytes | None = None,
) -> bytes:
    """A COSE_Sign1 whose signature holds for what it says. `raw` is the protected header in another encoding."""
    header = raw if raw is not None else cbor2.dumps(protected) if protected else b""
    signature = WHO.sign(cose.sig_structure(header, aad, payload if isinstance(payload, bytes) else b""))
    parts = [header, {} if unprotected is None else unprotected, payload, signature]
    return cbor2.dumps(parts if tag is None else cbor2.CBORTag(tag, parts))


def authenticated(
    protected: Any, unprotected: Any = None, *, size: int, payload: Any = b"payload", aad: bytes = b"", tag: int = 17
) -> bytes:
    """A COSE_Mac0 whose tag holds."""
    header = cbor2.dumps(protected) if protected else b""
    made = mac0.hmac_sha256(SHARED, mac0.mac_structure(header, aad, payload))[:size]
    return cbor2.dumps(cbor2.CBORTag(tag, [header, unprotected or {}, payload, made]))


GOOD = signed({1: -19, 4: b"kid-kid-"})


# The public vectors


def vector(name: str) -> tuple[dict[str, Any], str]:
    case: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text())
    return case, case["output"]["cbor"]


def test_eddsa_sig_01_is_valid_under_its_key_alone(decode: Shell) -> None:
    case, message = vector("eddsa-sig-01")
    key = case["input"]["sign0"]["key"]
    assert decode(message, "--key", key["x_hex"]) == {
        "valid": True,
        "tag": 18,
        "alg": -8,
        "kid": b"11".hex(),
        "payload_hex": case["input"]["plaintext"].encode().hex(),
        "error": None,
    }
    assert "signature does not hold" in decode(message, *KEY)["error"]
    assert "signature does not hold" in decode(message, "--key", key["x_hex"], "--aad", "00")["error"]


def test_mac_pass_01_is_valid_under_its_key_alone(decode: Shell) -> None:
    case, message = vector("mac-pass-01")
    secret = case["intermediates"]["CEK_hex"]
    found = decode(message, "--secret", secret)
    assert (found["valid"], found["tag"], found["alg"], found["kid"]) == (True, 17, 5, None)
    assert bytes.fromhex(found["payload_hex"]).decode() == case["input"]["plaintext"]
    assert "no node takes it" in decode.err  # its algorithm is unprotected
    assert "tag does not hold" in decode(message, *SECRET)["error"]


def test_mac_fail_01_is_refused_for_its_tag(decode: Shell) -> None:
    case, message = vector("mac-fail-01")
    found = decode(message, "--secret", case["intermediates"]["CEK_hex"])
    assert (found["valid"], found["tag"]) == (False, case["input"]["failures"]["ChangeCBORTag"])
    assert "tag 992" in found["error"]


def test_sign_pass_01_is_refused_for_an_algorithm_that_is_not_the_meshs(decode: Shell) -> None:
    found = decode(vector("sign-pass-01")[1], *KEY)
    assert (found["valid"], found["tag"], found["alg"], found["kid"]) == (False, 18, -7, b"11".hex())
    assert "algorithm -7" in found["error"]


def test_sign_fail_01_is_refused_for_its_tag(decode: Shell) -> None:
    found = decode(vector("sign-fail-01")[1], *KEY)
    assert (found["valid"], found["tag"], found["alg"]) == (False, 998, -7)
    assert "tag 998" in found["error"]


def test_every_vector_of_a_message_is_among_these_tests() -> None:
    messages = {
        path.stem for path in VECTORS.glob("*.json") if "cbor" in json.loads(path.read_text()).get("output", {})
    }
    assert messages == {"eddsa-sig-01", "mac-pass-01", "mac-fail-01", "sign-pass-01", "sign-fail-01"}


# What is valid


@pytest.mark.parametrize("alg", [-19, -8])
@pytest.mark.parametrize("size", [0, 5, 23, 24, 255, 256, 65535, 65536, 200_000])
def test_a_signature_holds_whatever_the_size(decode: Shell, tmp_path: Path, alg: int, size: int) -> None:
    structure = [cbor2.dumps({1: alg}), b"", bytes(size)]
    signature = WHO.sign(cbor2.dumps(["Signature1", *structure]))
    file = tmp_path / "message"
    file.write_bytes(cbor2.dumps(cbor2.CBORTag(18, [structure[0], {}, structure[2], signature])))
    found = decode(str(file), *KEY)
    assert (found["valid"], found["alg"], found["payload_hex"]) == (True, alg, "00" * size)


@pytest.mark.parametrize(("alg", "size"), [(4, 8), (5, 32)])
def test_a_tag_holds_under_either_hmac(decode: Shell, alg: int, size: int) -> None:
    data = authenticated({1: alg, 4: b"leaf"}, size=size, aad=b"ext")
    found = decode(data, *SECRET, "--aad", b"ext".hex())
    assert (found["valid"], found["tag"], found["alg"], found["kid"]) == (True, 17, alg, b"leaf".hex())
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 1
        found = decode(bytes(damaged), *SECRET, "--aad", b"ext".hex())
        assert not found["valid"], at


def test_a_bit_flipped_in_any_byte_is_not_valid(decode: Shell) -> None:
    assert decode(GOOD, *KEY)["valid"]
    for at in range(len(GOOD)):
        for bit in range(8):
            damaged = bytearray(GOOD)
            damaged[at] ^= 1 << bit
            assert not verdict.judge(bytes(damaged), key=WHO.public).valid, f"byte {at}, bit {bit}"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            signed({1: -19, 3: 0, 5: b"iv", "own": [1, {2: 3}]}, {4: b"11", 11: [b"", {}, b""]}), id="headers more"
        ),
        pytest.param(signed({}, {1: -19}), id="alg unprotected, and nothing protected"),
        pytest.param(signed({1: -19, 2: [1, 4], 4: b""}), id="crit of what is known"),
        pytest.param(signed({}, {1: -8}).replace(b"\x84\x40", b"\x84\x41\xa0", 1), id="an empty map protected"),
        pytest.param(GOOD.replace(b"\xd2", b"\xd8\x12", 1), id="a tag in two bytes"),
        pytest.param(GOOD.replace(b"\xd2\x84", b"\xd2\x9f", 1) + b"\xff", id="an array of indefinite length"),
        pytest.param(GOOD.replace(b"\x47payload", b"\x5f\x43pay\x44load\xff"), id="a payload in chunks"),
        pytest.param(GOOD.replace(b"\x47payload", b"\x58\x07payload"), id="a head in two bytes"),
        pytest.param(GOOD.replace(b"\xa0\x47", b"\xbf\xff\x47"), id="headers of indefinite length"),
        pytest.param(signed({}, raw=b"\xa2\x04\x41k\x01\x32"), id="labels that are not sorted"),
    ],
)
def test_whatever_rfc_9052_allows_is_valid_and_the_note_says_that_no_node_takes_it(decode: Shell, data: bytes) -> None:
    assert decode(data, *KEY)["valid"], data.hex()
    assert "no node takes it" in decode.err


def test_what_a_node_takes_has_no_note(decode: Shell) -> None:
    assert decode(cose.sign1(b"x", WHO.kid, b"", WHO.sign), *KEY)["valid"]
    assert decode.err == ""
    assert decode(mac0.mac0(b"x", WHO.kid, b"", SHARED), *SECRET)["valid"]
    assert decode.err == ""


# What is refused, with its reason


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(signed({1: -19}, tag=None), "no tag", id="no tag"),
        pytest.param(signed({1: -19}, tag=17), "Ed25519 (-19) in a COSE_Mac0", id="tag 17 around a signature"),
        pytest.param(signed({1: -19}, tag=98), "tag 98 is a COSE_Sign;", id="tag 98"),
        pytest.param(signed({1: -19}, tag=97), "tag 97 is a COSE_Mac;", id="tag 97"),
        pytest.param(signed({1: -19}, tag=16), "tag 16 is a COSE_Encrypt0", id="tag 16"),
        pytest.param(b"\xd8\x3d" + GOOD, "tag 61 is a CWT", id="tag 61"),
        pytest.param(b"\xd9\xd9\xf7" + GOOD, "tag 55799", id="self-described"),
        pytest.param(signed({1: -19}, payload=None), "detached", id="detached payload"),
        pytest.param(signed({1: -19}, payload="text"), "text in the place of a byte string", id="payload of text"),
        pytest.param(signed({}), "no algorithm", id="empty protected header"),
        pytest.param(signed({4: b"11"}, {5: b""}), "no algorithm", id="no alg"),
        pytest.param(signed({1: 0}), "algorithm 0", id="alg 0"),
        pytest.param(signed({1: -7}), "algorithm -7", id="ES256"),
        pytest.param(signed({1: -35}), "algorithm -35", id="ES384"),
        pytest.param(signed({1: -53}), "algorithm -53", id="Ed448"),
        pytest.param(signed({1: 2**63}), "algorithm 9223372036854775808", id="a large alg"),
        pytest.param(signed({1: "EdDSA"}), "algorithm EdDSA", id="alg as text"),
        pytest.param(signed({1: 5}), "HMAC 256/256 (5) in a COSE_Sign1", id="HMAC in a Sign1"),
        pytest.param(signed({1: -8.0}), "neither an integer nor text", id="alg as a float"),
        pytest.param(signed({1: [-8]}), "neither an integer nor text", id="alg as an array"),
        pytest.param(signed({1: -19}, {1: -19}), "header 1 twice", id="alg in both headers"),
        pytest.param(signed({1: -19, 4: b"a"}, {4: b"a"}), "header 4 twice", id="kid in both headers"),
        pytest.param(signed({}, raw=b"\xa2\x01\x32\x01\x32"), "header 1 twice", id="alg twice"),
        pytest.param(signed({}, raw=b"\xa2\x01\x32\x18\x01\x27"), "header 1 twice", id="alg twice in two encodings"),
        pytest.param(signed({1: -19, 2: [5]}), "header 5 is critical", id="crit"),
        pytest.param(signed({1: -19, 2: ["x"]}), "header x is critical", id="crit of text"),
        pytest.param(signed({1: -19, 2: []}), "crit", id="crit of nothing"),
        pytest.param(signed({1: -19, 2: 1}), "crit", id="crit that is no array"),
        pytest.param(signed({1: -19}, {2: [1]}), "crit that is not protected", id="crit unprotected"),
        pytest.param(signed({1: -19, 4: "text"}), "text in the place", id="kid of text"),
        pytest.param(signed({1: -19}, {None: 1}), "label", id="a label that is none"),
        pytest.param(signed({1: -19}, [1]), "no map", id="unprotected that is no map"),
        pytest.param(signed({}, raw=b"\x80"), "no map", id="protected that is no map"),
        pytest.param(signed({}, raw=b"\xa1\x01\x32\x00"), "bytes after the map", id="bytes after the protected map"),
        pytest.param(GOOD + b"\x00", "1 bytes after it", id="a byte more"),
        pytest.param(GOOD + GOOD, "bytes after it", id="two messages"),
        pytest.param(GOOD[:-1], "cut short", id="a byte less"),
        pytest.param(GOOD.replace(b"\x58\x40", b"\x58\x3f", 1)[:-1], "63 bytes", id="a short signature"),
        pytest.param(cbor2.dumps(cbor2.CBORTag(18, [b"", {}, b""])), "an array of four", id="three elements"),
        pytest.param(cbor2.dumps(cbor2.CBORTag(18, [b"", {}, b"", b"", 0])), "an array of four", id="five elements"),
        pytest.param(b"\xd2\x9f\x40\xa0\x40\xff", "an array of four", id="three elements, indefinite"),
        pytest.param(b"\xd2\x9f\x40\xa0\x40\x40\x00\xff", "an array of four", id="five elements, indefinite"),
        pytest.param(cbor2.dumps(cbor2.CBORTag(18, {})), "an array of four", id="a map"),
        pytest.param(b"\xd2\x84\x43\xa1\x01\x32" + b"\xa1\x05" + b"\x81" * 20 + b"\x00", "deeper than 16", id="depth"),
        pytest.param(b"\xd2\x84\x40\xba\xff\xff\xff\xff", "cut short", id="a lie about a map's length"),
        pytest.param(b"\xd2\x84\x5b\xff\xff\xff\xff\xff\xff\xff\xff", "cut short", id="a lie about a string's length"),
        pytest.param(b"\xd2\x84\x5f\x5f\x40\xff\xff", "chunk", id="chunks in chunks"),
        pytest.param(b"\xd2\x84\x40\xff", "simple value|no map", id="a break that ends nothing"),
        pytest.param(b"\xd2\x84\x1c", "reserved", id="a reserved head"),
        pytest.param(b"\xdf", "indefinite", id="a tag of indefinite length"),
        pytest.param(b"\xd2\x84\x40\xa1\x05\xf8\x10", "simple value", id="a simple value in two bytes"),
        pytest.param(b"\xd2\x84\x40\xa1\x61\xff\x00", "UTF-8", id="a label that is no UTF-8"),
        pytest.param(b"hello", "neither with d2", id="text"),
        pytest.param(b"\xa0", "neither with d2", id="an empty map"),
    ],
)
def test_every_other_is_refused_with_the_reason(decode: Shell, data: bytes, why: str) -> None:
    error = decode(data, *KEY)["error"]
    assert any(each in error for each in why.split("|")), error


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (authenticated({1: 4}, size=32), "a tag of 32 bytes, and HMAC 256/64 makes 8"),
        (authenticated({1: 5}, size=8), "a tag of 8 bytes, and HMAC 256/256 makes 32"),
        (authenticated({1: 5}, size=0), "a tag of 0 bytes"),
        (authenticated({1: 6}, size=32), "algorithm 6"),
        (authenticated({1: -19}, size=32), "Ed25519 (-19) in a COSE_Mac0: it is for a COSE_Sign1"),
        (authenticated({1: 5}, size=32, tag=97), "tag 97 is a COSE_Mac;"),
    ],
)
def test_every_other_mac_is_refused_with_the_reason(decode: Shell, data: bytes, why: str) -> None:
    assert why in decode(data, *SECRET)["error"]


def test_headers_that_are_too_large_are_refused_before_they_are_read(decode: Shell, tmp_path: Path) -> None:
    file = tmp_path / "message"
    file.write_bytes(b"\xd2\x84\x40\xa1\x05\x9a\x00\x10\x00\x00" + bytes(1 << 20))
    assert "headers of more than 65536 bytes" in decode(str(file), *KEY)["error"]
    file.write_bytes(b"\xd2\x84\x5a\x00\x10\x00\x00\xba\x00\x08\x00\x00" + bytes(1 << 20))
    assert "header 0 twice" in decode(str(file), *KEY)["error"]


# Keys


def test_without_a_key_the_structure_is_shown_and_the_error_says_which_one_is_needed(decode: Shell) -> None:
    found = decode(GOOD)
    assert (found["valid"], found["tag"], found["alg"]) == (False, 18, -19)
    assert bytes.fromhex(found["payload_hex"]) == b"payload"
    assert "--key" in found["error"]
    found = decode(authenticated({1: 4}, size=8))
    assert (found["valid"], found["tag"], found["alg"]) == (False, 17, 4)
    assert "--secret" in found["error"]


def test_the_other_kind_of_key_is_refused(decode: Shell) -> None:
    assert "--key" in decode(GOOD, *SECRET)["error"]
    assert "--secret" in decode(authenticated({1: 4}, size=8), *KEY)["error"]


def test_both_keys_at_once_are_a_line_that_makes_no_sense(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mesh", "decode", GOOD.hex(), *KEY, *SECRET]) == 2
    assert "not allowed with" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("", "0 bytes"),
        ("00" * 31, "31 bytes"),
        ("00" * 33, "33 bytes"),
        ("00" * 64, "64 bytes"),
        ("0" * 63, "63 hexadecimal digits"),
        ("x" * 64, "not hexadecimal"),
        ("01" + "00" * 31, "small order"),
        ("ff" * 32, "not canonical"),
    ],
)
def test_what_is_no_public_key_is_refused(decode: Shell, key: str, why: str) -> None:
    found = decode(GOOD, "--key", key)
    assert why in found["error"]


@pytest.mark.parametrize("secret", ["", "0", "geheim", "s3cr3t!"])
def test_what_is_no_secret_is_refused_and_not_repeated(decode: Shell, secret: str) -> None:
    out = decode.run(authenticated({1: 4}, size=8).hex(), "--secret", secret, "--json")
    assert not json.loads(out)["valid"]
    assert "--secret" in out
    assert not secret.strip("0") or secret not in out + decode.err


@pytest.mark.parametrize("aad", ["0", "xy", "0x00"])
def test_external_data_that_is_no_hexadecimal_is_refused(decode: Shell, aad: str) -> None:
    assert decode(GOOD, *KEY, "--aad", aad)["error"].startswith("--aad: ")


def test_external_data_is_part_of_what_is_signed(decode: Shell) -> None:
    data = signed({1: -19}, aad=b"ext")
    assert decode(data, *KEY, "--aad", b"ext".hex())["valid"]
    assert not decode(data, *KEY)["valid"]


def test_a_message_of_the_mesh_that_was_given_no_external_data_is_told_of_it(decode: Shell, tmp_path: Path) -> None:
    site = Site(tmp_path)
    node = site.member("fridge")
    key = ["--key", node.member.identity.public.hex()]
    sealed = node.event(8.5).payload
    error = decode(sealed, *key)["error"]
    assert "8263676c3148" in error
    assert decode(sealed, *key, "--aad", "8263676c3148" + site.authority.mesh.hex())["valid"]
    assert gl1.aad(site.authority.mesh) == bytes.fromhex("8263676c3148") + site.authority.mesh


# Where the message comes from


def test_a_message_may_be_hexadecimal_in_either_case_and_with_white_space(decode: Shell) -> None:
    text = GOOD.hex()
    spaced = "\n".join(text[at : at + 7] for at in range(0, len(text), 7))
    for each in (text.upper(), f"  {spaced}\r\n", text[:11] + "\t" + text[11:]):
        assert decode(each, *KEY)["valid"]
    assert decode(GOOD, "--key", " ".join((KEY[1][:32], KEY[1][32:].upper())))["valid"]


@pytest.mark.parametrize("content", [GOOD, GOOD.hex().encode(), b"  " + GOOD.hex().upper().encode() + b"\r\n"])
def test_a_message_may_be_a_file_or_stdin(decode: Shell, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "message.cose"
    file.write_bytes(content)
    assert decode(str(file), *KEY)["valid"]
    assert decode("-", *KEY, stdin=content)["valid"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing"),
        ("   ", "nothing"),
        ("d28", "3 hexadecimal digits"),
        ("d2 8", "3 hexadecimal digits"),
        ("0xd284", "neither hexadecimal nor a file"),
        ("zz", "neither hexadecimal nor a file"),
        ("x" * 5000, "cannot be read"),
        ("a\x00b", "cannot be read"),
        ("/", "cannot be read"),
    ],
)
def test_what_is_neither_hexadecimal_nor_a_file_is_refused(decode: Shell, text: str, why: str) -> None:
    error = decode(text, *KEY)["error"]
    assert any(each in error for each in why.split("|")), error


def test_a_file_that_is_not_there_is_exit_3(decode: Shell) -> None:
    for name in ("no/such", "message.cose"):
        found = decode(name, *KEY)
        assert (decode.code, found["exit_code"]) == (3, 3)
        assert name in found["error"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "there is nothing"),
        (b"\n", "there is nothing"),
        (b"hello", "not hexadecimal"),
        (b"d28", "3 hexadecimal digits"),
        (bytes(100), "not hexadecimal"),
        (b"\xff\xfe" + bytes(50), "neither with d2"),
        ("ї".encode(), "not a COSE_Mac0: an array of four"),
    ],
)
def test_a_file_with_anything_else_in_it_is_refused_with_the_reason(
    decode: Shell, tmp_path: Path, content: bytes, why: str
) -> None:
    file = tmp_path / "message"
    file.write_bytes(content)
    assert why in decode(str(file), *KEY)["error"]
    assert why in decode("-", *KEY, stdin=content)["error"]


@pytest.mark.parametrize("fill", [b"\x00", b"0", b"\xd2", b"\x9f", b"\xff"])
def test_ten_megabytes_are_no_trouble(decode: Shell, tmp_path: Path, fill: bytes) -> None:
    file = tmp_path / "message"
    file.write_bytes(fill * 10_000_000)
    assert not decode(str(file), *KEY)["valid"]


def test_a_file_without_an_end_is_read_up_to_the_limit(decode: Shell) -> None:
    assert not decode("/dev/zero", *KEY)["valid"]


def test_a_message_over_the_limit_is_refused_with_its_reason(
    decode: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdict, "MAX_SIZE", len(GOOD) - 1)
    assert f"more than {len(GOOD) - 1} bytes" in decode(GOOD, *KEY)["error"]


@given(st.binary(max_size=200) | st.binary(max_size=120).map(lambda tail: GOOD[:20] + tail))
def test_any_bytes_get_a_verdict(data: bytes) -> None:
    judged = verdict.judge(data, key=WHO.public, secret=SHARED)
    assert judged.valid == (data == GOOD)


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_message_is_valid_only_where_it_says_the_same(damage: list[tuple[int, int]]) -> None:
    data = bytearray(GOOD)
    for at, byte in damage:
        data[at] = byte
    judged = verdict.judge(bytes(data), key=WHO.public)
    if judged.valid:
        assert judged.found.payload == b"payload"
        assert judged.found.proof == GOOD[-64:]


@given(st.text(max_size=40).filter(lambda text: not text.startswith("-")))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_word_gets_an_answer(decode: Shell, text: str) -> None:
    decode.run(text, *KEY, "--json")
    assert decode.code in (1, 3)


# For people


def test_people_read_who_says_what(decode: Shell, tmp_path: Path) -> None:
    site = Site(tmp_path)
    node, gateway = site.member("fridge"), site.member("gateway", role="gateway")
    key = ["--key", node.member.identity.public.hex(), "--aad", gl1.aad(site.authority.mesh).hex()]
    text = decode.run(node.event([8.5, b"\x01", float("inf")]).payload.hex(), *key)
    assert text.splitlines()[0] == "valid    yes"
    assert f"kid      {node.member.identity.kid.hex()}" in text
    assert 'says     event, epoch 1, sequence 1, 2026-01-01T00:00:00Z: {"class": "alert", "topic"' in text
    assert "\"value\": [8.5, h'01', Infinity]" in text
    assert f"request to h'{gateway.member.identity.kid.hex()}'" in decode.run(node.request(gateway).payload.hex(), *key)
    assert "birth, epoch 1" in decode.run(node.birth().payload.hex(), *key)


def test_people_read_the_claims_of_a_credential(decode: Shell, tmp_path: Path) -> None:
    site = Site(tmp_path)
    data = site.authority.issue(WHO.public, name="fridge", roles=["node"], now=site.now)
    issuer = Identity.load(tmp_path / "authority" / "issuer")
    text = decode.run(data.hex(), "--key", issuer.public.hex())
    assert text.startswith("valid    yes\n")
    assert '"name": "fridge"' in text


def test_what_a_message_says_cannot_write_on_the_terminal(decode: Shell) -> None:
    hostile = "\x1b[2J\x9b1m"
    for data in (signed({1: hostile}), signed({1: -19, 4: hostile.encode()}, payload=cbor.encode(hostile))):
        text = decode.run(data.hex(), *KEY)
        assert "\x1b" not in text
        assert "\x9b" not in text


def test_a_kind_or_time_that_nobody_knows_is_shown_as_its_number(decode: Shell) -> None:
    payload = gl1.MSG(99, "group", 1, 2, 2**63, cbor.Tag(16, [None, True, -1])).pack()
    text = decode.run(signed({1: -19}, payload=payload).hex(), *KEY)
    assert 'says     kind 99 to "group", epoch 1, sequence 2, 2262-04-11T23:47:16Z: 16([null, true, -1])' in text
    payload = gl1.MSG(4, None, 1, 2, 2**64 - 1, "x" * 5000).pack()
    assert decode.run(signed({1: -19}, payload=payload).hex(), *KEY).rstrip().endswith("x…")
