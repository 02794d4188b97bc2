# SPDX-License-Identifier: GPL-3.0-or-later
"""tools.admission: who gets an account, what it may do, and how both brokers are told."""

import json
import os
import pwd
import re
import subprocess
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import bcrypt
import pytest
from cryptography import x509

from ganglion.cli.main import main
from ganglion.errors import InvalidError, NotFoundError, UsageError
from ganglion.mesh.authority import Authority
from ganglion_micro.topic import matches
from ganglion_tools.admission import certificates, mosquitto, nats
from ganglion_tools.admission.book import Account, Book, Change, Member, admit
from ganglion_tools.admission.folder import Folder, account_of
from support.brokers import program

MESH = "mmmmmmmmmmmma"
ONE, TWO, THREE = ("a" * 26, "b" * 26, "c" * 26)


def book(**changes: object) -> Book:
    owner = pwd.getpwuid(os.geteuid()).pw_name
    fields = {"kind": "mosquitto", "mesh": MESH, "hosts": ("broker",), "port": 1883, "tls": False, "owner": owner}
    return Book(**{**fields, "accounts": {}, **changes})


def admitted(known: Book, *members: Member) -> Change:
    serial = count(len(known.accounts))
    return admit(known, members, lambda: f"password {next(serial)}", lambda password: f"hash of {password}")


def test_a_new_broker_has_an_account_for_the_gateway_for_newcomers_and_for_each_node() -> None:
    change = admitted(book(), Member(id=TWO, name="room"), Member(id=ONE))
    assert list(change.book.accounts) == list(change.passwords) == ["gateway", "enrol", ONE, TWO]
    assert change.book.accounts[TWO] == Account(user=TWO, hash="hash of password 3", name="room", ids=(TWO,))
    assert len(set(change.passwords.values())) == 4
    assert (change.removed, change.differs) == ((), True)


def test_who_stays_keeps_the_password_and_who_is_gone_has_none() -> None:
    first = admitted(book(), Member(id=ONE), Member(id=TWO)).book
    change = admitted(first, Member(id=TWO), Member(id=THREE))
    assert list(change.passwords) == [THREE]
    assert [account.user for account in change.removed] == [ONE]
    assert change.book.accounts[TWO] == first.accounts[TWO]
    assert change.differs


def test_a_name_is_nothing_that_the_broker_must_be_told() -> None:
    first = admitted(book(), Member(id=ONE)).book
    change = admitted(first, Member(id=ONE, name="fridge"))
    assert (change.differs, change.book.accounts[ONE].name) == (False, "fridge")
    assert not admitted(change.book, Member(id=ONE, name="fridge")).differs


def test_a_node_keeps_its_account_when_its_key_changes() -> None:
    first = admitted(book(), Member(id=TWO)).book
    change = admitted(first, Member(id=ONE, former=(TWO,)))
    assert (dict(change.passwords), change.removed, change.differs) == ({}, (), True)
    account = change.book.accounts[TWO]
    assert account.ids == (ONE, TWO)
    granted = change.book.rights(account)
    assert {f"gl1/{MESH}/n/{own}/#" for own in (ONE, TWO)} <= set(granted.publish) & set(granted.subscribe)


def test_an_account_is_made_anew_on_demand() -> None:
    first = admitted(book(), Member(id=ONE)).book
    change = admitted(first.without("enrol"), Member(id=ONE))
    assert (list(change.passwords), change.differs) == (["enrol"], True)
    assert change.book.accounts.keys() == first.accounts.keys()
    with pytest.raises(NotFoundError, match="no account 'fridge'"):
        first.without("fridge")


def may(topics: tuple[str, ...], topic: str) -> bool:
    return any(matches(filter, topic) for filter in topics)


@pytest.mark.parametrize(
    ("topic", "publish", "subscribe"),
    [
        (f"n/{ONE}/birth", True, True),
        (f"n/{ONE}/e/alert", True, True),
        (f"n/{ONE}/q", True, True),
        (f"n/{TWO}/q", True, False),
        (f"n/{TWO}/r", True, False),
        (f"n/{TWO}/birth", False, True),
        (f"n/{TWO}/death", False, False),
        (f"n/{TWO}/e/alert", False, False),
        (f"n/{TWO}/credential", False, False),
        (f"l/{ONE}", True, True),
        (f"l/{TWO}", True, False),
        ("l/_", True, True),
        ("c/bundle", False, True),
        (f"c/desired/{TWO}", False, True),
    ],
)
def test_a_node_may_do_what_the_mesh_needs_and_no_more(topic: str, publish: bool, subscribe: bool) -> None:
    known = admitted(book(), Member(id=ONE)).book
    granted = known.rights(known.accounts[ONE])
    assert may(granted.publish, f"gl1/{MESH}/{topic}") is publish
    assert may(granted.subscribe, f"gl1/{MESH}/{topic}") is subscribe
    other = f"gl1/nnnnnnnnnnnna/{topic}"
    assert not may(granted.publish + granted.subscribe, other), "another mesh on the same broker"


@pytest.mark.parametrize(
    ("topic", "publish", "subscribe"),
    [
        (f"n/{ONE}/enrol", True, False),
        (f"n/{ONE}/credential", False, True),
        ("c/bundle", False, True),
        (f"c/gateway/{ONE}", False, True),
        ("c/revoked", False, True),
        ("c/key/all", False, False),
        (f"n/{ONE}/r", False, False),
        (f"n/{ONE}/birth", False, False),
        (f"n/{ONE}/q", False, False),
    ],
)
def test_a_newcomer_may_ask_to_join_and_no_more(topic: str, publish: bool, subscribe: bool) -> None:
    known = admitted(book()).book
    granted = known.rights(known.accounts["enrol"])
    assert may(granted.publish, f"gl1/{MESH}/{topic}") is publish
    assert may(granted.subscribe, f"gl1/{MESH}/{topic}") is subscribe


def test_a_book_is_read_as_it_was_written() -> None:
    known = admitted(book(tls=True), Member(id=ONE, name="Küche", former=(TWO,))).book
    assert Book.read(known.write(), "x") == known


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"accounts": [1]}', b'{"accounts": [], "hosts": [], "x": 1}'])
def test_a_book_that_is_none_is_named(data: bytes) -> None:
    with pytest.raises(InvalidError, match=r"broker\.json: this is no book"):
        Book.read(data, "broker.json")


def test_mosquitto_itself_makes_the_same_hash(tmp_path: Path) -> None:
    made = mosquitto.hashed("correct horse")
    assert re.fullmatch(r"\$7\$101\$[A-Za-z0-9+/]{16}\$[A-Za-z0-9+/]{86}==", made)
    assert made != mosquitto.hashed("correct horse"), "each has a salt of its own"
    file = tmp_path / "passwords"
    file.touch(mode=0o600)
    subprocess.run([program("mosquitto_passwd"), "-b", file, "u", "x"], check=True, capture_output=True)
    theirs = file.read_text().strip().partition(":")[2]
    assert [len(part) for part in theirs.split("$")] == [len(part) for part in made.split("$")]


def test_nats_is_given_bcrypt() -> None:
    made = nats.hashed("correct horse")
    assert bcrypt.checkpw(b"correct horse", made.encode())
    assert not bcrypt.checkpw(b"wrong", made.encode())


def test_without_tls_a_broker_listens_on_loopback_alone() -> None:
    known = admitted(book()).book
    assert "listener 1883 127.0.0.1\n" in mosquitto.render(known, Path("/b"))["mosquitto.conf"]
    assert 'mqtt: {"host": "127.0.0.1", "port": 1883' in nats.render(known, Path("/b"))["nats.conf"]


def test_no_file_but_the_accounts_holds_a_password(tmp_path: Path) -> None:
    for kind in ("mosquitto", "nats"):
        folder = Folder(tmp_path / kind)
        change = admitted(book(kind=kind, tls=True), Member(id=ONE))
        folder.certify(change.book)
        folder.save(change.book, dict.fromkeys(change.passwords, "swordfish"))
        files = [path for path in folder.path.rglob("*") if path.is_file()]
        told = {path.relative_to(folder.path).as_posix() for path in files if b"swordfish" in path.read_bytes()}
        assert told == {"accounts/gateway", "accounts/enrol", f"accounts/{ONE}"}
        open_to_all = {path.name for path in files if path.stat().st_mode & 0o077}
        assert open_to_all == {"ca.pem", "server.pem"}


def test_the_file_of_an_account_goes_with_it_and_one_that_was_carried_off_is_not_missed(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "broker")
    first = admitted(book(), Member(id=ONE), Member(id=TWO))
    folder.save(first.book, first.passwords)
    (folder.path / "accounts" / TWO).unlink()
    second = admitted(folder.read(), Member(id=TWO))
    folder.save(second.book, second.passwords)
    assert sorted(path.name for path in (folder.path / "accounts").iterdir()) == ["enrol", "gateway"]
    assert second.book.accounts[TWO] == first.book.accounts[TWO]


def test_a_folder_without_a_broker_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="ganglion broker init"):
        Folder(tmp_path).read()
    with pytest.raises(UsageError, match="--user nobody-at-all"):
        account_of("nobody-at-all")


def test_a_broker_that_does_not_run_is_told_nothing(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    assert folder.reload(book()) is None
    (tmp_path / "broker.pid").write_text(f"{os.getpid()}\n")  # the number is another program's by now: ours
    assert folder.reload(book()) is None
    (tmp_path / "broker.pid").write_text("x")
    assert folder.reload(book()) is None


def test_the_certificate_names_every_host_and_is_renewed_before_its_time_is_over(tmp_path: Path) -> None:
    folder, known = Folder(tmp_path), book(tls=True, hosts=("broker.lan", "192.0.2.1", "::1"))
    assert folder.certify(known)
    assert not folder.certify(known)
    pem = (tmp_path / "tls" / "server.pem").read_bytes()
    certificate = x509.load_pem_x509_certificate(pem)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["broker.lan"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.1", "::1"]
    authority = (tmp_path / "tls" / "ca.pem").read_bytes()
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority))
    later = certificate.not_valid_after_utc - timedelta(days=59)
    assert certificates.due(pem, later)
    assert not certificates.due(pem, datetime.now(UTC))
    old, _ = certificates.server(
        known.hosts, authority, (tmp_path / "tls" / "ca.key").read_bytes(), datetime.now(UTC) - timedelta(days=700)
    )
    (tmp_path / "tls" / "server.pem").write_bytes(old)
    assert folder.certify(known)
    assert (tmp_path / "tls" / "ca.pem").read_bytes() == authority, "nodes go on trusting it"


def test_nats_reads_one_user_a_line() -> None:
    known = admitted(book(kind="nats"), Member(id=ONE)).book
    lines = nats.render(known, Path("/b"))["nats.conf"].splitlines()
    users = [json.loads(line) for line in lines if line.startswith("    {")]
    assert [user["user"] for user in users] == ["gateway", "enrol", ONE]
    assert all(user["allowed_connection_types"] == ["MQTT"] for user in users)
    assert {f"gl1.{MESH}.c.>", f"gl1.{MESH}.c", f"gl1.{MESH}.n.*.birth"} <= set(
        users[2]["permissions"]["subscribe"]["allow"]
    )


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--host", "broker.lan"], 2, "--host is for --tls"),
        (["--port", "70000"], 2, "from 1 to 65535"),
        (["--user", "nobody-at-all"], 2, "no such user"),
    ],
)
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, says: str
) -> None:
    init = ["broker", "init", "nats", "--output", str(tmp_path / "b"), "--state", str(tmp_path / "gateway")]
    assert main([*init, *words]) == code
    assert says in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def test_a_broker_is_made_once_and_says_where_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init = ["broker", "init", "mosquitto", "--output", str(tmp_path / "b"), "--state", str(tmp_path / "gateway")]
    assert main([*init, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["url"], said["accounts"], said["reloaded"]) == ("mqtt://127.0.0.1:1883", 2, None)
    assert [one["user"] for one in said["added"]] == ["gateway", "enrol"]
    assert said["mesh"] == Authority.open(tmp_path / "gateway" / "authority", now=time.time_ns()).mesh_id
    assert main(init) == 4
    assert "ganglion broker update" in capsys.readouterr().err
