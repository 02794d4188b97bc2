# SPDX-License-Identifier: GPL-3.0-or-later
"""Wheels of Ganglion in releases: what is refused, which fits a machine, and what it needs."""

import io
import re
import sys
from typing import Any

import packaging.markers
import packaging.requirements
import packaging.tags
import packaging.utils
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ganglion import __version__
from ganglion.errors import InvalidError
from ganglion.release import agent, manifest, requires, wheel
from ganglion.release.agent import Agent
from ganglion.release.installed import _environment, missing
from ganglion.release.machine import Machine, best, here
from ganglion.release.needs import Need, holds
from ganglion_tools.package import target
from ganglion_tools.package import wheel as package
from ganglion_tools.package.archive import Entry
from ganglion_tools.package.version import Version, stamped
from support.wheels import init, metadata, tiny
from support.wheels import wheel as made

V = "91.2.0"
INFO = f"ganglion-{V}.dist-info"
ROUTER = Machine("mipsel", "musl 1.2", "3.11")
PI = Machine("armv7l", "glibc 2.36", "3.11")


def refused(name: str, data: bytes) -> str:
    with pytest.raises(InvalidError) as raised:
        wheel.read(data, name)
    return str(raised.value)


def test_a_wheel_is_what_its_name_and_its_metadata_say() -> None:
    name, data = made(V, tiny(V, ""), tag="cp311-abi3-musllinux_1_2_aarch64.linux_aarch64")
    found = wheel.read(data, name)
    assert (found.version, found.size, len(found.pieces)) == (V, len(data), 1)
    assert found.tags == {"cp311-abi3-musllinux_1_2_aarch64", "cp311-abi3-linux_aarch64"}
    assert found.needs[0] == "python >=3.11"
    assert not [each for each in found.needs if "sqlalchemy" in each], "what only extras need"
    content = tiny(V, "")
    assert found.unpacked > sum(len(each) for path, each in content.items() if path.startswith("ganglion/"))
    one = manifest.made("one", {}, agents=[found])
    assert manifest.decode(one.encode()) == one
    assert one.id != manifest.made("one", {"a.yaml": b""}).id
    assert b"agent" not in manifest.made("one", {"a.yaml": b""}).encode(), "others have the ids that they had"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"over": {"../evil.py": b""}}, "no path of a wheel"),
        ({"over": {"/etc/evil.py": b""}}, "no path of a wheel"),
        ({"over": {"ganglion/../evil.py": b""}}, "no path of a wheel"),
        ({"over": {"ganglion\\evil.py": b""}}, "no path of a wheel"),
        ({"over": {"ganglion/.hidden": b""}}, "no path of a wheel"),
        ({"over": {"evil.py": b""}}, "in no package"),
        ({"over": {"evil.pth": b"import os"}}, "in no package"),
        ({"over": {f"ganglion-{V}.data/scripts/evil": b""}}, "pip would put elsewhere"),
        ({"over": {"json/__init__.py": b""}}, "would hide Python's own json"),
        ({"over": {"ganglion/new.py": b""}}, "no SHA-256 of ganglion/new.py in RECORD"),
        ({"over": {"ganglion/cli/main.py": b"other"}}, "ganglion/cli/main.py in it is not what RECORD says"),
        ({"over": {"ganglion/cli/main.py": None}}, "lacks ganglion/cli/main.py"),
        ({"over": {f"{INFO}/RECORD": None}}, "has no ganglion-91.2.0.dist-info/RECORD"),
        ({"over": {f"{INFO}/METADATA": metadata("91.3.0")}}, "METADATA in it says ganglion 91.3.0"),
        ({"over": {f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nTag: py2-none-any\n"}}, "for other machines than WHEEL"),
        ({"over": {f"{INFO}/WHEEL": b"Wheel-Version: 2.0\nTag: py3-none-any\n"}}, "another version of the format"),
        ({"modes": {"ganglion/cli/main.py": 0o120777}}, "is no plain file"),
        ({"needs": ["evil @ https://example.org/evil.whl"]}, "no name with versions"),
        ({"needs": ["cbor2 latest"]}, "of which 'latest' is no version"),
        ({"needs": ["cbor2; platform_machine = 'x'"]}, "no part of a marker"),
    ],
)
def test_what_may_not_be_in_a_wheel_is_named(more: dict[str, Any], why: str) -> None:
    assert why in refused(*made(V, tiny(V, ""), **more))


def test_what_is_no_wheel_of_ganglion_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    name, data = made(V, tiny(V, ""))
    assert "is no wheel" in refused(name, b"PK nothing")
    assert "is no wheel of Ganglion: its file is called" in refused("numpy-2.0-py3-none-any.whl", data)
    assert "is no wheel of Ganglion" in refused(f"../{name}", data)
    assert "says another version" in refused(*made(V, tiny(V, "") | {"ganglion/__init__.py": init("91.3.0")}))
    old = {path: content for path, content in tiny(V, "").items() if path != wheel.LAUNCH}
    assert "is too old to be brought by a release" in refused(*made(V, old))
    large = made(V, tiny(V, "") | {"ganglion/zeros.py": bytes(40 * 1024 * 1024)})
    assert len(large[1]) < 1024 * 1024, "a bomb is small"
    assert "33554432 unpacked" in refused(*large)
    larger = made(V, tiny(V, "") | {"ganglion_gateway/zeros.py": bytes(70 * 1024 * 1024)})
    assert "bytes unpacked, and 67108864 is the limit" in refused(*larger)
    monkeypatch.setattr(wheel, "MAX_ENTRIES", 4)
    assert "files, and 4 is the limit" in refused(name, data)
    monkeypatch.setattr(wheel, "MAX_WHEEL", 100)
    assert "a wheel may have 100" in refused(name, data)


RIGHT = made(V, tiny(V, ""))


@given(st.data())
def test_bytes_that_were_altered_are_refused_or_mean_the_same(data: st.DataObject) -> None:
    """Whatever is done to a zip, it is an `InvalidError`; and what is unpacked is what RECORD names."""
    name, whole = RIGHT
    altered = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        altered[data.draw(st.integers(0, len(altered) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(altered)) | st.just(len(altered)))
    try:
        found = wheel.read(bytes(altered[:cut]), name)
    except InvalidError:
        return
    assert (found.needs, found.unpacked) == (wheel.read(whole, name).needs, wheel.read(whole, name).unpacked)


@given(st.text(max_size=80) | st.from_regex(r"ganglion-[0-9.]{1,8}-[a-z0-9._-]{1,40}\.whl", fullmatch=True))
@example("ganglion-1.0-py2.py3-none-any.whl")
@example("ganglion-1.0-1-cp311-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl")
def test_names_are_read_as_packaging_reads_them(name: str) -> None:
    try:
        version, tags = agent.named(name)
    except InvalidError:
        return
    try:
        known, of, _, theirs = packaging.utils.parse_wheel_filename(name)
    except packaging.utils.InvalidWheelFilename:
        return  # a version that is none: METADATA would say the same
    assert known == "ganglion"
    assert str(of) == version or packaging.utils.canonicalize_version(version) == packaging.utils.canonicalize_version(
        of
    )
    assert tags == {str(tag) for tag in theirs}


MARKS = [
    "platform_machine == 'x86_64' or platform_machine == 'aarch64'",
    "python_version < '3.12' and sys_platform == 'linux'",
    "(os_name == 'posix' or os_name == 'nt') and python_full_version >= '3.11.0'",
    "'64' in platform_machine",
    "platform_machine not in 'armv7l armv6l'",
    "implementation_name != 'pypy'",
    'extra == "gateway"',
    "python_version ~= '3.11' and extra == ''",
]


@pytest.mark.parametrize("marker", MARKS)
def test_markers_hold_where_packaging_says_so(marker: str) -> None:
    for machine in ("x86_64", "aarch64", "armv7l"):
        for python in ("3.9", "3.11", "3.12", "3.13"):
            there = _environment() | {"platform_machine": machine, "python_version": python, "extra": ""}
            there["python_full_version"] = f"{python}.7"
            theirs = packaging.markers.Marker(marker).evaluate(there)  # type: ignore[arg-type]
            assert holds(marker, there) is theirs, (machine, python)


@given(
    st.sampled_from([">=", "<=", "==", "!=", "~=", ">", "<"]),
    st.lists(st.integers(0, 12), min_size=2, max_size=3),
    st.lists(st.integers(0, 12), min_size=1, max_size=4),
    st.booleans(),
)
def test_versions_are_compared_as_packaging_compares_them(
    sign: str, wanted: list[int], have: list[int], any_that: bool
) -> None:
    star = ".*" if any_that and sign in ("==", "!=") else ""
    text = f"cbor2 {sign}{'.'.join(map(str, wanted))}{star}"
    version = ".".join(map(str, have))
    theirs = packaging.requirements.Requirement(text).specifier.contains(version)
    assert Need.read(text, where="x").takes(version) is theirs, (text, version)


@given(st.text(max_size=60) | st.text("abc<>=!~;()[]'\" .,0123456789@_-", max_size=60))
def test_whatever_a_wheel_asks_for_is_read_or_refused(text: str) -> None:
    try:
        need = Need.read(text, where="x")
    except InvalidError:
        return
    assert need.is_wanted(_environment()) in (True, False)
    assert need.takes("1.0") in (True, False)


def test_what_is_missing_on_a_machine_is_named() -> None:
    assert missing(["python >=3.11", "PyYAML>=5", "pynacl", "nothing; platform_machine == 'pdp11'"]) == []
    (first, second, third) = missing(["python>=99", "ganglion-nothing>=1,<2", "cbor2>=99"])
    assert first.startswith(f"python>=99 (it has {sys.version_info.major}.")
    assert second == "ganglion-nothing>=1,<2"
    assert third.startswith("cbor2>=99 (it has ")


# Which one is for a machine


def test_the_best_wheel_for_a_machine_is_taken() -> None:
    wheels = {
        tag: [tag]
        for tag in (
            "py3-none-any",
            "cp311-abi3-manylinux_2_17_x86_64",
            "cp311-abi3-manylinux_2_17_armv7l",
            "cp311-abi3-musllinux_1_2_mipsel",
            "cp313-abi3-musllinux_1_2_aarch64",
            "cp311-abi3-linux_armv7l",
        )
    }
    assert best(wheels, PI) == "cp311-abi3-manylinux_2_17_armv7l"
    assert best(wheels, ROUTER) == "cp311-abi3-musllinux_1_2_mipsel"
    assert best(wheels, Machine("x86_64", "musl 1.2", "3.11")) == "py3-none-any"
    assert best(wheels, Machine("x86_64", "glibc 2.12", "3.11")) == "py3-none-any"
    assert best(wheels, Machine("aarch64", "musl 1.2", "3.12")) == "py3-none-any"
    assert best(wheels, Machine("aarch64", "musl 1.2", "3.13")) == "cp313-abi3-musllinux_1_2_aarch64"
    assert best({"x": ["cp312-abi3-any", "py313-none-any", "nonsense"]}, PI) is None


def test_this_machine_takes_what_packaging_says_that_it_takes() -> None:
    theirs = {str(tag) for tag in packaging.tags.sys_tags()}
    mine = here()
    for tag in theirs:
        python, abi, _ = tag.split("-")
        if abi in ("abi3", "none") and python.startswith(("py3", "cp3")) and not (abi == "none" and python[0] == "c"):
            assert mine.rank(tag) is not None, tag
    for tag in ("cp311-abi3-musllinux_1_2_mipsel", "cp399-abi3-linux_x86_64", "py3-none-win_amd64", "py2-none-any"):
        assert tag not in theirs
        assert mine.rank(tag) is None, tag
    assert Machine.read(mine.document) == mine
    assert Machine.read({"machine": "x", "libc": "bionic", "python": "3.11"}) is None


@pytest.mark.parametrize("platform", target.examples("wheel"))
def test_a_wheel_is_built_for_each_machine_and_reads_as_one(platform: str) -> None:
    libc = "musl 1.2" if platform.startswith("musl") else "glibc 2.36"
    processor = re.sub(r"^(manylinux|musllinux)_\d+_\d+_|^any$", "", platform) or "riscv64"
    tag = package.tag(platform)
    assert Machine(processor, libc, "3.11").rank(tag) is not None
    assert Machine("sparc", libc, "3.11").rank(tag) == (0 if platform == "any" else None)
    if platform != "any":
        assert target.zig_target("wheel", platform)
    files = [Entry(path=path, data=data) for path, data in tiny(__version__, "").items()]
    files.append(Entry(path="ganglion/_watchdog", data=b"", mode=0o755))
    of = Version(release=__version__, snapshot="", time=1_790_000_000)
    data = package.build(files, platform, of)
    assert data == package.build(files[::-1], platform, of), "the same commit gives the same bytes"
    found = wheel.read(data, f"ganglion-{__version__}-{tag}.whl")
    assert ("cffi>=1.15" in found.needs) is (platform != "any")


def test_a_wheel_of_a_commit_without_its_releases_tag_says_that_it_is_before_it() -> None:
    of = Version(release="9.1.0", snapshot="20260131120000", time=1_790_000_000)
    files = [Entry(path=path, data=data) for path, data in tiny("9.1.0", "").items()]
    data = package.build(stamped(files, of), "any", of)
    name = "ganglion-9.1.0.dev20260131120000-py3-none-any.whl"
    assert wheel.Wheel(io.BytesIO(data), name).version == of.python == "9.1.0.dev20260131120000"
    assert requires.is_older(of.python, "9.1.0")
    assert requires.is_older(of.python, "9.1.0.dev20260131120001")
    assert not requires.is_older("9.1.0", of.python)
    assert requires.satisfies(of.python, ">=9.1"), "which it is by its numbers"
    with pytest.raises(InvalidError, match=r"^lib/ganglion/__init__.py: says no version"):
        stamped([Entry(path="lib/ganglion/__init__.py", data=b"")], of)


def test_a_narrow_python_on_a_wide_kernel_is_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import platform
    import struct

    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(struct, "calcsize", lambda kind: 4)
    assert here().processor == "armv7l"
    monkeypatch.setattr(platform, "machine", lambda: "mips")

    def nothing(name: str) -> str:
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(os, "confstr", nothing)
    assert here().document == {"machine": "mipsel", "libc": "musl 1.2", "python": f"3.{sys.version_info.minor}"}


def one(name: str, **more: Any) -> Agent:
    found = wheel.read(RIGHT[1], RIGHT[0])
    values = {field: getattr(found, field) for field in ("size", "sha256", "pieces", "unpacked", "needs")}
    return Agent(name=name, **values | more)


@pytest.mark.parametrize(
    ("agents", "why"),
    [
        ([one("a.whl")], "is no wheel of Ganglion"),
        ([one(f"ganglion-{n}-py3-none-any.whl") for n in (1, 2)], "is for py3-none-any, and so is"),
        ([one(f"ganglion-1-py3-none-linux_m{n:02}.whl") for n in range(17)], "17 wheels"),
        ([one(RIGHT[0], size=0)], "0 bytes"),
        ([one(RIGHT[0], unpacked=agent.MAX_UNPACKED + 1)], "unpacked"),
        ([one(RIGHT[0], pieces=())], "its pieces"),
        ([one(RIGHT[0], needs=("a",) * 65)], "needs 65 others"),
        ([one(RIGHT[0], needs=("???",))], "no name with versions"),
    ],
)
def test_a_manifest_names_wheels_that_may_be(agents: list[Agent], why: str) -> None:
    with pytest.raises(InvalidError, match=why):
        manifest.made("one", {}, agents=agents)


def test_manifests_whose_wheels_are_none_are_refused() -> None:
    from ganglion.mesh import codec

    body = codec.decode(manifest.made("one", {}, agents=[one(RIGHT[0])]).encode())
    for wrong in (None, {}, [[]], [1], [[*body["agent"][0][:5], [1]]], [[*body["agent"][0][:3], [1], 5, []]]):
        with pytest.raises(InvalidError):
            manifest.decode(codec.encode(body | {"agent": wrong}))
    with pytest.raises(InvalidError, match="0 files"):
        manifest.decode(codec.encode(body | {"agent": []}))


def test_a_lower_version_is_known_as_one() -> None:
    assert requires.is_older("0.9", "0.10")
    assert not requires.is_older("0.10.0", "0.10")
    assert not requires.is_older(__version__, __version__)
