# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages: their archives as the tools of Debian read them, versions, architectures, and what is refused."""

import json
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from ganglion.board import board
from ganglion.board.reading import names
from ganglion.cli.main import main
from ganglion.errors import GanglionError, InvalidError, UsageError
from ganglion_tools.package import native
from ganglion_tools.package.archive import Entry, ar, gz, tar
from ganglion_tools.package.contents import FILES, common
from ganglion_tools.package.target import zig_target
from ganglion_tools.package.version import Version, version

TIME = 1_700_000_000


def test_an_archive_has_the_folders_before_what_is_in_them_and_is_the_same_in_any_order():
    entries = [Entry(path="usr/lib/b", data=b"b"), Entry(path="usr/bin/a", data=b"a", mode=0o755)]
    made = tar(entries, TIME, prefix="./")
    assert made == tar(entries[::-1], TIME, prefix="./")
    with tarfile.open(fileobj=BytesIO(made)) as archive:
        told = [(each.name, each.mode, each.mtime, each.uname, each.isdir()) for each in archive]
    assert told == [
        (".", 0o755, TIME, "root", True),
        ("./usr", 0o755, TIME, "root", True),
        ("./usr/bin", 0o755, TIME, "root", True),
        ("./usr/bin/a", 0o755, TIME, "root", False),
        ("./usr/lib", 0o755, TIME, "root", True),
        ("./usr/lib/b", 0o644, TIME, "root", False),
    ]


@pytest.mark.parametrize(
    ("kind", "arch", "name"),
    [
        ("ipk", "mipsel_24kc", "openwrt-mt7621"),
        ("apk", "mipsel_74kc", "openwrt-mt7621"),
        ("apk", "aarch64_cortex-a53", "openwrt-ipq807x"),
        ("ipk", "x86_64", "generic-x86-64"),
        ("deb", "amd64", "generic-x86-64"),
        ("deb", "arm64", "raspberry-pi-3"),
    ],
)
def test_the_example_of_a_package_is_of_a_board_that_takes_it(kind: str, arch: str, name: str):
    [example] = [each.data for each in common(kind, arch) if each.path.endswith("node.toml")]
    assert f'board = "{name}"\n' in example.decode()


def test_a_router_hands_the_node_its_folder_and_nothing_that_a_link_in_it_leads_to():
    lines = [line.strip() for line in (FILES / "openwrt" / "ganglion.init").read_text().splitlines()]
    assert [line for line in lines if line.startswith("chown")] == ['chown "$user" "$state"']


def test_parts_without_an_end_make_one_tar(tmp_path):
    """As an apk is made; tar(1) reads it to the end."""
    parts = gz(tar([Entry(path="first", data=b"1")], TIME, ended=False)) + gz(tar([Entry(path="x", data=b"2")], TIME))
    (tmp_path / "both.tar.gz").write_bytes(parts)
    done = subprocess.run(["tar", "-tzf", tmp_path / "both.tar.gz"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["first", "x"]


def test_an_ar_archive_is_read_by_ar(tmp_path):
    (tmp_path / "a.ar").write_bytes(ar([("one", b"odd"), ("two", b"even")], TIME))
    for name, content in (("one", b"odd"), ("two", b"even")):
        done = subprocess.run(["ar", "p", tmp_path / "a.ar", name], capture_output=True, check=True)
        assert done.stdout == content


def lower(first: Version, second: Version) -> bool:
    """Whether Debian's own order has the first before the second."""
    return subprocess.run(["dpkg", "--compare-versions", str(first), "lt", str(second)], check=False).returncode == 0


def test_a_snapshot_is_before_its_release_and_after_an_earlier_one():
    old, new = (Version(release="0.2.0", snapshot=f"2026010{day}000000", time=TIME) for day in (1, 2))
    release = Version(release="0.2.0", snapshot="", time=TIME)
    assert lower(Version(release="0.1.0", snapshot="", time=TIME), old)
    assert lower(old, new)
    assert lower(new, release)
    assert (str(old), old.apk) == ("0.2.0~git20260101000000", "0.2.0_pre20260101000000-r0")
    assert (str(release), release.apk) == ("0.2.0", "0.2.0-r0")


def test_the_version_is_that_of_the_commit_and_of_the_release_where_it_has_its_tag(tmp_path, monkeypatch):
    def git(*words: str) -> None:
        subprocess.run(["git", "-C", tmp_path, "-c", "user.name=n", "-c", "user.email=e@e", *words], check=True)

    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.setenv("GIT_COMMITTER_DATE", f"{TIME} +0200")
    monkeypatch.setattr("ganglion_tools.package.version.__version__", "0.2.0")
    (tmp_path / "build.zig").touch()
    assert version(tmp_path).snapshot == ""
    git("init", "-q", "-b", "main")
    git("commit", "-q", "--allow-empty", "-m", "first")
    assert version(tmp_path) == Version(release="0.2.0", snapshot="20231114221320", time=TIME)
    git("tag", "v0.2.0")
    assert version(tmp_path) == Version(release="0.2.0", snapshot="", time=TIME)
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/gone\n")
    with pytest.raises(GanglionError, match="git does not say which commit this is"):
        version(tmp_path)
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert version(tmp_path).time == 86400
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(InvalidError, match="SOURCE_DATE_EPOCH: must be seconds since 1970, not 'yesterday'"):
        version(tmp_path)


@pytest.mark.parametrize(
    ("kind", "arch", "target"),
    [
        ("deb", "arm64", "aarch64-linux-gnu.2.17"),
        ("deb", "armhf", "arm-linux-gnueabihf.2.17"),
        ("tar", "armv7l", "arm-linux-gnueabihf.2.17"),
        ("ipk", "mipsel_24kc", "mipsel-linux-musleabi"),
        ("apk", "aarch64_cortex-a53", "aarch64-linux-musl"),
        ("ipk", "arm_cortex-a9_vfpv3-d16", "arm-linux-musleabihf"),
        ("apk", "riscv64_generic", "riscv64-linux-musl"),
    ],
)
def test_an_architecture_has_its_own_name_in_each_kind(kind, arch, target):
    assert zig_target(kind, arch) == target


@pytest.mark.parametrize(
    ("kind", "arch", "says"),
    [
        ("deb", "x86_64", "no deb is built for 'x86_64'; --arch is one of its own names: amd64, arm64, armhf"),
        ("deb", "am64", 'did you mean "arm64"'),
        ("ipk", "mipsel_24kc_24kf", "no ipk is built for 'mipsel_24kc_24kf'"),  # hard float: another ABI
        ("apk", "arm_arm1176jzf-s_vfp", "such as x86_64, aarch64_cortex-a53"),  # ARMv6
        ("ipk", "mips_24kc", "no ipk is built for 'mips_24kc'"),
        ("rpm", "x86_64", "there is no package 'rpm'; there are deb, ipk, apk, tar"),
    ],
)
def test_what_nothing_is_built_for_is_refused_by_name(kind, arch, says):
    with pytest.raises(UsageError) as refused:
        zig_target(kind, arch)
    assert says in str(refused.value)


def test_each_board_that_takes_a_package_has_one_for_its_own_core():
    checked = 0
    for each in map(board, names()):
        for kind, arch in (each.flashing.packages if each.flashing else {}).items():
            assert zig_target(kind, arch) == each.zig_target, each.name
            checked += 1
    assert checked > 6


def test_without_a_clone_it_says_what_there_is_to_do(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("ganglion_tools.package.building._ROOT", tmp_path)
    assert main(["package", "deb", "--arch", "arm64", "--output", str(tmp_path)]) == 2
    assert "packages are built in a clone of the repository" in capsys.readouterr().err
    assert main(["package", "deb", "--arch", "mips"]) == 2
    assert "no deb is built for 'mips'" in capsys.readouterr().err


def test_a_core_that_does_not_compile_is_said_in_one_sentence(tmp_path, monkeypatch, capsys):
    (tmp_path / "build.zig").write_text("this is no zig\n")
    monkeypatch.setattr("ganglion_tools.package.building._ROOT", tmp_path)
    assert main(["package", "deb", "--arch", "amd64", "--output", str(tmp_path)]) == 1
    stage, said = capsys.readouterr().err.split("\n", 1)
    assert stage.startswith("compiling the native core for x86_64-linux-gnu.2.17")
    assert said.startswith("ganglion: the native core does not compile for x86_64-linux-gnu.2.17: ")
    assert "build.zig" in said


def test_each_stage_is_said_when_it_begins(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(native, "compile", lambda root, target: native.Native(core=b"core", watchdog=b"watchdog"))
    assert main(["package", "ipk", "--arch", "mipsel_24kc", "--output", str(tmp_path), "--json"]) == 0
    file = json.loads(capsys.readouterr().out)["file"]
    assert main(["package", "ipk", "--arch", "mipsel_24kc", "--output", str(tmp_path)]) == 0
    stages = [line.split(" ")[0] for line in capsys.readouterr().err.splitlines()]
    assert stages == ["compiling", "packing", "writing"]
    assert Path(file).stat().st_size > 100_000


def test_a_command_that_a_package_does_not_bring_is_named(monkeypatch, capsys):
    """Its libraries may be there: Debian has psutil too."""
    there = "ganglion.extras.is_there"
    monkeypatch.setattr(there, lambda module: module != "ganglion_tools")
    assert main(["bench", "bus"]) == 2
    assert "`ganglion bench` is not in this package, which is for nodes" in capsys.readouterr().err


def test_a_key_that_cannot_sign_an_apk_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for made in ("genrsa -aes128 -passout pass:x -out locked 2048", "ecparam -genkey -name prime256v1 -out curve"):
        subprocess.run(["openssl", *made.split()], check=True, capture_output=True)
    (tmp_path / "text").write_text("no key\n")
    for key, code, says in (
        ("nothing", 3, "there is no file nothing: `openssl genrsa -out nothing 4096` makes a key"),
        ("locked", 1, "locked: has a passphrase"),
        ("curve", 1, "curve: is no RSA key"),
        ("text", 1, "text: is no private key in PEM"),
        (".", 1, ".: cannot be read"),
    ):
        assert main(["package", "apk", "--arch", "mipsel_24kc", "--sign", key]) == code
        assert says in capsys.readouterr().err
    assert main(["package", "deb", "--arch", "amd64", "--sign", "text"]) == 2
    assert "--sign is for an apk" in capsys.readouterr().err


def test_the_service_names_no_file_that_is_not_installed():
    files = Path(__file__).parents[2] / "tools" / "ganglion_tools" / "package" / "files"
    unit = (files / "debian" / "ganglion.service").read_text()
    assert "ExecStart=/usr/bin/ganglion node run /etc/ganglion/node.toml --state /var/lib/ganglion\n" in unit
    assert "enrol_key = " not in (files / "node.toml").read_text()
