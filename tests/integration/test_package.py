# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages as they are built: what is in them, read by Debian's and busybox's tools, and what of it runs here."""

import asyncio
import getpass
import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

import pytest

from ganglion_tools.package import build, openwrt
from ganglion_tools.package.signing import signer

FILES = Path(__file__).parents[2] / "tools" / "ganglion_tools" / "package" / "files"
#: Kind -> architecture, and e_machine, class and byte order of its ELF files: a PC's, and a router's.
BUILT = {
    "deb": ("amd64", 62, 2, 1),
    "tar": ("x86_64", 62, 2, 1),
    "ipk": ("mipsel_24kc", 8, 1, 1),
    "apk": ("mipsel_24kc", 8, 1, 1),
}
#: What a node of a router may take: compressed, beside OpenWrt's Python.
LARGEST = 1_500_000


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> dict[str, Path]:
    """One of each kind."""
    folder = tmp_path_factory.mktemp("packages")
    return {kind: build(kind, arch, folder) for kind, (arch, *_) in BUILT.items()}


def run(*words: str | Path, **how) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, **how)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def members(data: bytes) -> dict[str, bytes]:
    """The files of a tar, without the `./` before their names."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {
            each.name.removeprefix("./"): archive.extractfile(each).read()
            for each in archive.getmembers()
            if each.isfile()
        }


def parts(data: bytes) -> list[bytes]:
    """The gzip members of a file, each as it is."""
    found = []
    while data:
        inflating = zlib.decompressobj(wbits=31)
        inflating.decompress(data)
        found.append(data[: len(data) - len(inflating.unused_data)])
        data = inflating.unused_data
    return found


def contents(kind: str, path: Path) -> dict[str, bytes]:
    """What a package installs."""
    match kind:
        case "deb":
            return members(subprocess.run(["dpkg-deb", "--fsys-tarfile", path], capture_output=True, check=True).stdout)
        case "ipk":
            return members(members(path.read_bytes())["data.tar.gz"])
        case "apk":
            return members(parts(path.read_bytes())[-1])
    inside = members(path.read_bytes())
    return {name.partition("/")[2]: data for name, data in inside.items()}


@pytest.mark.parametrize("kind", BUILT)
def test_a_package_is_small_and_has_a_node_for_its_machine_and_nothing_else(kind, packages):
    inside = contents(kind, packages[kind])
    folder = "lib/ganglion/" if kind == "tar" else "usr/lib/ganglion/"
    tops = {name.removeprefix(folder).partition("/")[0] for name in inside if name.startswith(folder)}
    assert tops - {"LICENCES", "ganglion.package"} == {"ganglion", "ganglion_micro", "cbor2", "cronsim", "smbus2"}
    assert packages[kind].stat().st_size < LARGEST
    for name in ("_native.abi3.so", "_watchdog"):
        elf = inside[f"{folder}ganglion/{name}"]
        assert (int.from_bytes(elf[18:20], "little"), elf[4], elf[5]) == BUILT[kind][1:]
    for name in ("ganglion/locale/uk.mo", "ganglion/boards/sim.toml", "ganglion/mova/templates/edge.yaml"):
        assert inside[folder + name]
    assert not [name for name in inside if name.endswith((".po", ".pyc", ".pyi")) or "cpython-" in name]
    assert not [name for name, data in inside.items() if b"gk1_" in data and not name.endswith((".py", ".mo"))]


@pytest.mark.parametrize("kind", BUILT)
def test_the_same_commit_gives_the_same_bytes(kind, packages, tmp_path):
    again = build(kind, BUILT[kind][0], tmp_path)
    assert again.name == packages[kind].name
    assert again.read_bytes() == packages[kind].read_bytes()


def test_the_deb_is_one_to_dpkg(packages):
    path = packages["deb"]
    fields = dict(line.split(": ", 1) for line in run("dpkg-deb", "--field", path).splitlines() if line[0] != " ")
    assert (fields["Package"], fields["Architecture"]) == ("ganglion", "amd64")
    assert path.name == f"ganglion_{fields['Version']}_amd64.deb"
    inside = contents("deb", path)
    assert abs(int(fields["Installed-Size"]) - sum(map(len, inside.values())) / 1024) < len(inside)
    assert run("dpkg-deb", "--info", path, "conffiles") == "/etc/ganglion/node.toml\n"
    for line in run("dpkg-deb", "--info", path, "md5sums").splitlines():
        digest, _, name = line.partition("  ")
        assert hashlib.md5(inside[name]).hexdigest() == digest
    assert {line.split()[1] for line in run("dpkg-deb", "--contents", path).splitlines()} == {"root/root"}


def test_the_ipk_is_one_to_the_tar_of_a_router(packages, tmp_path):
    path = packages["ipk"]
    assert run("busybox", "tar", "-tzf", path).split() == ["control.tar.gz", "data.tar.gz", "debian-binary"]
    run("busybox", "tar", "-xzf", path, "-C", tmp_path)
    (tmp_path / "control").mkdir()
    run("busybox", "tar", "-xzf", tmp_path / "control.tar.gz", "-C", tmp_path / "control")
    fields = dict(line.split(": ", 1) for line in (tmp_path / "control/control").read_text().splitlines())
    assert path.name == f"ganglion_{fields['Version']}_{fields['Architecture']}.ipk"
    assert fields["Architecture"] == "mipsel_24kc"
    assert fields["Require-User"] == "ganglion:ganglion"
    assert "python3-light, " in fields["Depends"]
    data = gzip.decompress((tmp_path / "data.tar.gz").read_bytes())
    assert int(fields["Installed-Size"]) == len(data)
    inside = members(data)
    kept = (tmp_path / "control/conffiles").read_text().splitlines()
    assert kept == ["/etc/config/ganglion", "/etc/ganglion/node.toml"]
    assert all(name[1:] in inside for name in kept)
    assert (tmp_path / "control/postinst").stat().st_mode & 0o111 == 0o111


def test_the_apk_has_its_data_under_a_hash_and_each_file_under_another(packages):
    control, data = parts(packages["apk"].read_bytes())
    told = [
        line.split(" = ") for line in members(gzip.decompress(control) + bytes(1024))[".PKGINFO"].decode().splitlines()
    ]
    info = dict(told)
    assert info["datahash"] == hashlib.sha256(data).hexdigest()
    assert (info["pkgname"], info["arch"]) == ("ganglion", "mipsel_24kc")
    assert packages["apk"].name == f"ganglion-{info['pkgver']}_{info['arch']}.apk"
    assert ["depend", "python3-light"] in told
    inside = members(data)
    assert int(info["size"]) == sum(map(len, inside.values()))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for each in archive:
            if each.isfile():
                assert each.pax_headers["APK-TOOLS.checksum.SHA1"] == hashlib.sha1(inside[each.name]).hexdigest()
    listed = set(inside["lib/apk/packages/ganglion.list"].decode().split())
    assert listed == {f"/{name}" for name in inside if not name.startswith("lib/apk/")}
    assert inside["lib/apk/packages/ganglion.rusers"] == b"ganglion:ganglion\n"
    # tar(1), as apk-tools, takes both parts for one archive
    assert members(gzip.decompress(control) + bytes(1024))[".post-upgrade"].count(b"\nexport PKG_UPGRADE=1\n") == 1
    names = run("tar", "--warning=no-unknown-keyword", "-tzf", packages["apk"]).splitlines()
    assert names[:4] == [".PKGINFO", ".post-install", ".post-upgrade", ".pre-deinstall"]
    assert "usr/bin/ganglion" in names


def test_a_signed_apk_has_one_before_it_that_openssl_checks(packages, tmp_path):
    run("openssl", "genrsa", "-out", tmp_path / "you.rsa", "2048")
    run("openssl", "rsa", "-in", tmp_path / "you.rsa", "-pubout", "-out", tmp_path / "you.rsa.pub")
    sign, name = signer(tmp_path / "you.rsa")
    assert name == "you.rsa.pub"
    control, data = parts(packages["apk"].read_bytes())
    signed = tmp_path / "signed.apk"
    signed.write_bytes(sign(control, 0) + control + data)
    first, *rest = parts(signed.read_bytes())
    assert rest == [control, data]
    ((file, signature),) = members(gzip.decompress(first) + bytes(1024)).items()
    assert file == ".SIGN.RSA256.you.rsa.pub"
    (tmp_path / "signature").write_bytes(signature)
    (tmp_path / "control").write_bytes(control)
    words = ("-verify", tmp_path / "you.rsa.pub", "-signature", tmp_path / "signature", tmp_path / "control")
    assert run("openssl", "dgst", "-sha256", *words) == "Verified OK\n"
    names = run("tar", "--warning=no-unknown-keyword", "-tzf", signed).splitlines()
    assert names[:2] == [file, ".PKGINFO"]


def test_the_tar_runs_where_it_is_unpacked(packages, tmp_path):
    run("tar", "-xzf", packages["tar"], "-C", tmp_path)
    (folder,) = tmp_path.iterdir()
    assert packages["tar"].name == f"{folder.name}.tar.gz"
    unit = (folder / "systemd" / "ganglion.service").read_text()
    assert "ExecStart=/opt/ganglion/bin/ganglion node run " in unit
    (tmp_path / "ganglion").symlink_to(folder / "bin" / "ganglion")
    # The interpreter of the tests stands for one that has PyNaCl, PyYAML and cffi: Debian's may not have them here.
    told = json.loads(run(sys.executable, "-I", tmp_path / "ganglion", "doctor", "--json"))
    assert (told["backend"], told["version"]) == ("native", folder.name.split("-")[1].replace("~git", ".dev"))
    where = f"import sys; sys.path.insert(0, '{folder}/lib/ganglion'); import cbor2, ganglion; print(ganglion.__file__)"
    assert run(sys.executable, "-I", "-c", where).startswith(str(folder))
    how = where.partition("import cbor2")[0] + "from ganglion import extras; print(extras.package())"
    assert run(sys.executable, "-I", "-c", how).strip() == "tar"


def test_the_scripts_are_ones_to_the_shell_of_a_router_and_to_shellcheck():
    scripts = [*FILES.glob("*/post*"), *FILES.glob("*/prerm"), FILES / "debian/ganglion.rtupdate"]
    assert len(scripts) == 6
    for script in (*scripts, FILES / "openwrt/ganglion.init", FILES / "openwrt/ganglion.config"):
        run("busybox", "sh", "-n", script)
    run("shellcheck", "--shell=sh", "--exclude=SC1091", *scripts)  # functions.sh is OpenWrt's
    run("shellcheck", "--shell=dash", FILES / "openwrt/ganglion.init")


def test_the_unit_is_one_to_systemd_and_exposes_little(tmp_path):
    unit = (FILES / "debian/ganglion.service").read_text()
    (tmp_path / "ganglion.service").write_text(unit.replace("/usr/bin/ganglion", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / "ganglion.service"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    # In tenths of 10, which is a service that may do anything.
    run("systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", tmp_path / "ganglion.service")


#: Packages that OpenWrt splits off its Python, and a module of each: lang/python/python3/files of its packages' feed.
SPLIT = {
    "asyncio": "asyncio",
    "codecs": "unicodedata",
    "ctypes": "ctypes",
    "dbm": "dbm",
    "decimal": "decimal",
    "email": "email",
    "logging": "logging",
    "multiprocessing": "multiprocessing",
    "ncurses": "curses",
    "openssl": "ssl",
    "pydoc": "pydoc",
    "readline": "readline",
    "sqlite3": "sqlite3",
    "unittest": "unittest",
    "urllib": "urllib",
    "xml": "xml",
}
IMPORTS = """
import importlib, json, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import ganglion
for module in pkgutil.walk_packages(ganglion.__path__, "ganglion."):
    if not module.name.startswith(("ganglion.editor", "ganglion.shims", "ganglion.__main__", "ganglion.cli.mcp")):
        importlib.import_module(module.name)
print(json.dumps(list(sys.modules)))
"""


def test_a_router_has_of_python_what_a_node_imports_and_no_more(packages, tmp_path):
    run("tar", "-xzf", packages["tar"], "-C", tmp_path)
    (folder,) = tmp_path.iterdir()
    loaded = set(json.loads(run(sys.executable, "-I", "-c", IMPORTS, folder / "lib" / "ganglion")))
    needed = {f"python3-{name}" for name, module in SPLIT.items() if module in loaded}
    assert needed | {"python3-light", "python3-cffi", "python3-pynacl", "python3-yaml"} == set(openwrt.DEPENDS)


def test_what_packages_take_is_as_the_page_says(packages):
    page = (Path(__file__).parents[2] / "docs" / "packages.md").read_text()
    rows = dict(re.findall(r"^\| (deb|ipk|apk) \| ([\d.]+ MiB \| [\d.]+) MiB", page, re.MULTILINE))
    for kind in ("deb", "ipk", "apk"):
        file, installed = (float(each) for each in rows[kind].split(" MiB | "))
        assert packages[kind].stat().st_size / 2**20 == pytest.approx(file, abs=0.1)
        assert sum(map(len, contents(kind, packages[kind]).values())) / 2**20 == pytest.approx(installed, abs=0.1)


def procd(configuration: Path) -> list[list[str]]:
    """What the init script tells procd with a configuration of UCI: each kind and value, in its order."""
    script = Path(__file__).parents[1] / "support" / "rc_common.sh"
    said = run("busybox", "sh", script, FILES / "openwrt/ganglion.init", configuration)
    return [line.split("=", 1) for line in said.splitlines()]


def test_a_router_starts_no_node_before_somebody_says_so():
    assert procd(FILES / "openwrt/ganglion.config") == [["trigger", "ganglion"]]


async def test_the_command_that_procd_is_told_starts_a_node(broker, tmp_path):
    (tmp_path / "node.toml").write_text('[node]\nname = "attic"\n[sensor.host]\nkind = "system"\n')
    (tmp_path / "uci").write_text(
        f"config node 'attic'\n\toption enabled '1'\n\toption config '{tmp_path}/node.toml'\n"
        f"\toption state '{tmp_path}/state'\n\toption user '{getpass.getuser()}'\n\tlist broker '{broker.url}'\n"
        "config node 'cellar'\n\toption enabled '0'\n"
    )
    told = procd(tmp_path / "uci")
    assert [value for kind, value in told if kind == "instance"] == ["attic"]
    assert ["user", getpass.getuser()] in told
    assert ["respawn", "3600"] in told
    program, *words = (value for kind, value in told if kind == "command")
    assert program == "/usr/bin/ganglion"
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ganglion", *words, stdout=asyncio.subprocess.PIPE, env=os.environ
    )
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        assert json.loads(line) == {"ready": True, "node": "attic"}
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 60)
    assert process.returncode == 0
