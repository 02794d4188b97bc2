# SPDX-License-Identifier: GPL-3.0-or-later
"""flash: what is to be done follows from what is there, and what is known to be good is left alone."""

import json
import os
import signal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ganglion.board import board
from ganglion.cli.flash_report import Shown
from ganglion.cli.main import main
from ganglion.errors import InvalidError, NotFoundError, UsageError
from ganglion.firmware import Bundle
from ganglion.flash import agent_config, esp_image, identity
from ganglion.flash.agent_config import Changes
from ganglion.flash.agent_plan import There, Wanted, asked, plan
from ganglion.flash.plan import image_steps, pieces, to_write
from ganglion.flash.run import Flash
from ganglion_agent.slots import line_of, record_of
from ganglion_micro.leaf_key import LeafKey
from support import images

OLD = Bundle(version="1", files={"agent.mpy": b"old", "gone.mpy": b"gone"}, outside={"main.py": b"m", "boot.mpy": b"b"})
NEW = Bundle(
    version="2", files={"agent.mpy": b"new", "same.mpy": b"same"}, outside={"main.py": b"m", "boot.mpy": b"b2"}
)
KEY = ("leaf.key", b"lf1_secret\n")


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def on_board(
    *bundles: tuple[str, Bundle],
    pointer: bytes | None = None,
    config: bytes | None = None,
    main: bytes | None = None,
    boots: int | None = None,
) -> There:
    files = {}
    for slot, bundle in bundles:
        files |= {f"{slot}/{name}": data for name, data in {**bundle.files, "manifest": bundle.manifest}.items()}
        files |= bundle.outside
    names = [path for path in files if "/" in path]
    return There(
        digests={path: digest(data) for path, data in files.items()},
        pointer=pointer,
        names=names,
        config=config,
        main=main,
        boots=boots,
    )


def wanted(bundle: Bundle = NEW, key: tuple[str, bytes] | None = KEY, boots: int = 0) -> Wanted:
    return Wanted(bundle=bundle, config=b"{}", key=key, boots=boots)


def test_what_a_break_left_of_a_file_is_gone_on_with_and_of_one_that_is_there_removed() -> None:
    cut = There(
        digests={"a/same.mpy": digest(b"same")},
        names=["a/same.mpy", "a/same.mpy.part", "a/agent.mpy.part", "a/gone.mpy.part"],
        pointer=None,
        config=None,
        main=None,
        boots=None,
    )
    assert plan(wanted(), cut).removed == ("a/same.mpy.part", "a/gone.mpy.part")


def test_an_image_is_compared_in_pieces_that_end_where_blocks_do() -> None:
    data = os.urandom(200_000)
    found = pieces(0x1000, data)
    assert b"".join(each.data for each in found) == data
    assert [each.address for each in found] == [0x1000, 0x10000, 0x20000, 0x30000]
    steps = image_steps("it.bin", found, found[1:3])
    assert [(each.does, each.what) for each in steps] == [
        ("keep", "it.bin, 0x001000 to 0x00ffff"),
        ("write", "it.bin, 0x010000 to 0x02ffff"),
        ("keep", "it.bin, 0x030000 to 0x031d3f"),
    ]
    assert steps[1].size == 0x20000


def test_what_a_board_has_learnt_stays_unless_another_program_was_there() -> None:
    image = images.esp("esp32", 0x1000)
    own = esp_image.own_areas(image, "esp32", 0x1000)
    assert own == [(0x9000, 0xF000), (0xF000, 0x10000)]
    assert esp_image.own_areas(images.esp("esp8266", 0), "esp8266", 0) == []
    found = pieces(0x1000, image, own)
    assert b"".join(each.data for each in found) == image
    assert [(each.address, each.is_own) for each in found][:4] == [
        (0x1000, False), (0x9000, True), (0xF000, True), (0x10000, False),
    ]  # fmt: skip
    assert to_write(found, lambda piece: not piece.is_own) == []
    steps = image_steps("it.bin", found, [])
    assert [each.there for each in steps] == [
        "the same, by its MD5",
        "what the board keeps for itself",
        "the same, by its MD5",
    ]
    fresh = to_write(found, lambda piece: False)
    assert [each.address for each in fresh][:3] == [0x9000, 0xF000, 0x1000]
    assert sorted(each.address for each in fresh) == [each.address for each in found]


def test_an_empty_board_gets_everything_and_what_starts_it_last() -> None:
    todo = plan(wanted(), on_board())
    assert list(todo.written) == [
        "boot.mpy", "a/agent.mpy", "a/same.mpy", "a/manifest", "agent.json", "leaf.key", "main.py",
    ]  # fmt: skip
    assert todo.removed == ()


def test_a_board_that_has_everything_gets_nothing() -> None:
    there = on_board(("a", NEW), pointer=line_of(("a", True, 0, "unknown")), config=b"{}")
    there = There(
        **{
            **{name: getattr(there, name) for name in There.__slots__},
            "digests": {**there.digests, "leaf.key": digest(KEY[1])},
        }
    )
    todo = plan(wanted(), there)
    assert (dict(todo.written), todo.removed) == ({}, ())
    assert {step.does for step in todo.steps} == {"keep"}


def test_what_others_have_there_is_told_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    there = on_board()
    digests = {"main.py": digest(b"mine"), "boot.mpy": digest(b"older")}
    parts = {name: getattr(there, name) for name in There.__slots__} | {"main": b"mine", "digests": digests}
    shown = Shown(as_json=False)
    for step in plan(wanted(), There(**parts)).steps:
        shown({"event": "step", **step.data()})
    lines = capsys.readouterr().out.splitlines()
    assert "write      main.py, which starts it, 1 bytes; there is another" in lines
    assert "write      1 file for the start of the slots, 2 bytes; there is another" in lines
    two = Bundle(version="2", files={"a.mpy": b"1", "b.mpy": b"2"}, outside={"main.py": b"m"})
    digests = {"a/a.mpy": digest(b"0"), "b/a.mpy": digest(b"0")}
    steps = plan(wanted(two), There(**{**parts, "digests": digests})).steps
    assert "another in the place of 1 of them" in [step.there for step in steps]


def test_what_is_known_to_be_good_is_not_touched() -> None:
    pointer = line_of(("a", True, 0, "unknown"))
    todo = plan(wanted(), on_board(("a", OLD), pointer=pointer))
    assert [path for path in todo.written if "/" in path] == ["b/agent.mpy", "b/same.mpy", "b/manifest"]
    assert list(todo.written)[-1] == "slot"
    assert record_of(todo.written["slot"]) == ("b", False, 0, "good")
    assert todo.removed == ()


def test_a_break_before_the_pointer_is_gone_on_with() -> None:
    pointer = line_of(("a", True, 0, "unknown"))
    todo = plan(wanted(), on_board(("a", OLD), ("b", NEW), pointer=pointer))
    assert [path for path in todo.written if "/" in path] == []
    assert record_of(todo.written["slot"]) == ("b", False, 0, "good")


def test_a_trial_gives_way_and_is_no_version_until_it_is_whole() -> None:
    pointer = line_of(("b", False, 2, "good"))
    todo = plan(wanted(), on_board(("a", NEW), ("b", OLD), pointer=pointer))
    assert todo.removed == ("b/gone.mpy", "b/manifest")
    assert record_of(todo.written["slot"]) == ("b", False, 0, "good")


def test_a_board_on_which_nothing_is_known_to_be_good_keeps_its_slot() -> None:
    todo = plan(wanted(), on_board(("b", OLD), pointer=line_of(("b", False, 1, False))))
    assert "b/agent.mpy" in todo.written
    assert "slot" not in todo.written
    damaged = plan(wanted(), on_board(("b", OLD), pointer=b"?"))
    assert "a/agent.mpy" in damaged.written


def test_the_old_configuration_is_set_aside_and_the_parents_count_kept() -> None:
    todo = plan(wanted(boots=7), on_board(config=b'{"old": 1}', boots=3))
    assert todo.written["agent.json.before"] == b'{"old": 1}'
    assert todo.written["boots"] == b"7"
    assert "boots" not in plan(wanted(boots=7), on_board(boots=8)).written
    without = plan(wanted(key=None), on_board())
    assert "leaf.key" not in without.written


def test_a_program_of_the_owner_is_set_aside() -> None:
    todo = plan(wanted(), on_board(main=b"print('mine')"))
    assert todo.written["main.py.before"] == b"print('mine')"
    assert list(todo.written)[-1] == "main.py"


def test_both_slots_are_asked_for() -> None:
    assert {"a/agent.mpy", "b/agent.mpy", "a/manifest", "b/manifest", "main.py"} <= set(asked(NEW))


PICO_W = board("pico-w")
CHANGES = Changes(name="garden", ssid="farm", password="correct horse", host="192.0.2.20")


def test_a_configuration_is_made_and_changed() -> None:
    made: dict[str, Any] = json.loads(agent_config.merged(None, CHANGES, PICO_W))
    assert made == {
        "name": "garden",
        "board": "pico-w",
        "uplink": {"kind": "wifi", "ssid": "farm", "password": "correct horse"},
        "parent": {"host": "192.0.2.20", "port": 8475},
    }
    sensing = {**made, "sensors": {"soil": {"driver": "adc", "pin": 26}}}
    changed = json.loads(agent_config.merged(sensing, Changes(name="shed"), PICO_W))
    assert changed == {**sensing, "name": "shed"}
    assert agent_config.merged(sensing, Changes(), PICO_W) == agent_config.merged(sensing, Changes(), PICO_W)
    assert agent_config.key_file({"key": "other.key"}) == "other.key"
    assert agent_config.key_file({"broker": "mqtt://h"}) == "enrol.key"
    member = json.loads(agent_config.merged(made, Changes(broker="mqtt://h"), PICO_W))
    assert (member["broker"], "parent" in member) == ("mqtt://h", False)
    leaf = json.loads(agent_config.merged(member, Changes(host="h"), PICO_W))
    assert (leaf["parent"]["host"], "broker" in leaf) == ("h", False)
    for wrong, why in [
        ("http://h", "must be mqtt://host"),
        ("mqtts://h", "a board speaks no TLS yet"),
        ("mqtt://h:0", "must be mqtt://host"),
        ("mqtt://h:99999", "must be mqtt://host"),
        ("mqtt://u:p@h", "must be mqtt://host"),
        ("mqtt://h?ca=x", "must be mqtt://host"),
    ]:
        with pytest.raises(InvalidError, match=f"broker: {why}"):
            agent_config.merged(member, Changes(broker=wrong), PICO_W)
    with pytest.raises(InvalidError, match=r"broker: a broker is on a network, and uplink.kind is serial"):
        agent_config.merged({**member, "uplink": {"kind": "serial"}}, Changes(), PICO_W)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"name": "x", "uplink": {"kind": "none"}}, "agent.json: parent.host: is missing"),
        (
            {"name": "x", "uplink": {"kind": "lora"}, "parent": {"host": "h"}},
            "uplink.kind: must be one of none, serial, wifi",
        ),
        ({"name": "x", "uplink": {"kind": "none"}, "parent": {"host": "h"}, "pump": 1}, "pump: there is no such key"),
    ],
)
def test_what_the_board_would_refuse_is_refused_before(table: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidError, match=says):
        agent_config.merged(table, Changes(), PICO_W)


def test_a_board_that_nobody_has_spoken_for_is_not_configured() -> None:
    with pytest.raises(UsageError, match=r"--config agent\.json, or --name and --parent"):
        agent_config.merged(None, Changes(name="garden"), PICO_W)


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff", '{"a":' * 100_000])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "agent.json").write_text(text, encoding="latin-1")
    with pytest.raises(InvalidError):
        agent_config.from_file(tmp_path / "agent.json")


def test_a_parent_that_could_let_nobody_in_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="is the state folder of no node that has joined a mesh"):
        identity.check_parent(tmp_path, "garden")
    with pytest.raises(InvalidError, match="a leaf's name is 1 to 32"):
        identity.check_parent(tmp_path, "the garden")


def test_a_key_is_read_and_never_repeated(tmp_path: Path) -> None:
    key = LeafKey(bytes(8), bytes(range(32)))
    file = tmp_path / "leaf.key"
    with pytest.raises(NotFoundError, match="`ganglion leaf add NAME --out "):
        identity.of_file(file)
    file.write_text(key.text() + "\n")
    assert identity.of_file(file).text == key.text()
    file.write_text(key.text()[:-1])
    with pytest.raises(InvalidError, match="this is no key of a leaf") as raised:
        identity.of_file(file)
    assert key.text()[:20] not in str(raised.value)


def test_a_board_is_given_back_where_the_command_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Flash, "run", lambda _: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit) as ended:
        main(["flash", "pico-w"])
    assert ended.value.code == 128 + signal.SIGTERM
