# SPDX-License-Identifier: GPL-3.0-or-later
"""shims: `aioble` on the simulated radio, as micropython-lib documents it, and peripherals of the configuration."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import InvalidError
from ganglion.shims import board
from ganglion.shims.bluetooth import payload
from ganglion.shims.bluetooth.bluez_link import uuid_bytes
from ganglion.shims.board.made import made
from ganglion.shims.modules import aioble
from ganglion.shims.modules.bluetooth import UUID
from ganglion.shims.run import run

Plays = Callable[..., list[str]]
#: A peripheral and a central, each a task; what a test adds are their bodies.
_BOTH = """
import asyncio, aioble, bluetooth, struct
SERVICE, FIRST, SECOND, NOTE = (bluetooth.UUID(each) for each in (0x181A, 0x2A6E, 0x2A6F, 0x2901))
own = aioble.Service(SERVICE)
{made}
aioble.register_services(own)
async def peripheral():
    connection = await aioble.advertise(250_000, name="here", services=[SERVICE], manufacturer=(0xABCD, b"12"))
{peripheral}
async def central():
    async with aioble.scan(5000, active=True) as scanner:
        async for result in scanner:
            if result.name() == "here":
                break
    connection = await result.device.connect()
    service = await connection.service(SERVICE)
    first = await service.characteristic(FIRST)
    second = await service.characteristic(SECOND)
{central}
async def main():
    await asyncio.gather(peripheral(), central())
asyncio.run(main())
"""


@pytest.fixture
def plays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Plays]:
    """What a script prints on a board of this configuration."""
    before = board.current()

    def run_it(source: str, config: str = "") -> list[str]:
        (tmp_path / "board.toml").write_text(config)
        (tmp_path / "script.py").write_text(source)
        board.use(made(None, tmp_path / "board.toml"))
        run(tmp_path / "script.py", [])
        return capsys.readouterr().out.splitlines()

    yield run_it
    aioble.stop()
    board.use(before)


def both(made: str, peripheral: str, central: str) -> str:
    def body(text: str) -> str:
        return "".join(f"    {line}\n" for line in text.strip().splitlines())

    return _BOTH.format(made=made.strip(), peripheral=body(peripheral), central=body(central))


def test_a_value_is_read_written_notified_and_indicated(plays: Plays) -> None:
    said = plays(
        both(
            """
first = aioble.Characteristic(own, FIRST, read=True, write=True, notify=True, indicate=True, initial=b"old")
second = aioble.Characteristic(own, SECOND, read=True, write=True, write_no_response=True)
aioble.Descriptor(first, NOTE, read=True, initial="a note")
""",
            """
print("connected", connection.is_connected())
print("by", await first.written() is connection, first.read())
first.write("new")
first.notify(connection)
first.notify(connection, "other")
await second.written()
await first.indicate(connection, b"told")
await connection.disconnected()
print("over", connection.is_connected())
""",
            """
print(await first.read())
await first.write("set")
print(await first.notified(), await first.read())
await second.write(b"go", response=False)
print(await first.indicated())
print([each.uuid async for each in first.descriptors()], await (await first.descriptor(NOTE)).read())
print(service.uuid, first.properties, await connection.service(FIRST), await service.characteristic(NOTE))
await connection.disconnect()
print("left", connection.is_connected(), connection.device)
""",
        )
    )
    assert said == [
        "connected True",
        "b'old'",
        "by True b'set'",
        "b'other' b'new'",
        "b'told'",
        "[UUID(0x2902), UUID(0x2901)] b'a note'",
        "UUID(0x181a) 58 None None",
        "left False Device(ADDR_PUBLIC, 02:61:6e:67:6c:69)",
        "over False",
    ]


def test_who_subscribes_is_told_and_nobody_else(plays: Plays) -> None:
    said = plays(
        both(
            """
first = aioble.Characteristic(own, FIRST, read=True, notify=True)
second = aioble.Characteristic(own, SECOND, write=True)
""",
            """
for word in ("before", "after", "away"):
    await second.written()
    first.write(word, send_update=True)
await connection.disconnected()
""",
            """
async def told():
    await second.write("go")
    try:
        print(await first.notified(timeout_ms=50))
    except asyncio.TimeoutError:
        print("nothing")
await told()
await first.subscribe()
await told()
await first.subscribe(notify=False)
await told()
try:
    await second.subscribe()
except ValueError as error:
    print(error)
await connection.disconnect()
""",
        )
    )
    assert said == ["nothing", "b'after'", "nothing", "CCCD not found"]


def test_writes_are_cut_to_a_packet_and_to_the_room_that_there_is(plays: Plays) -> None:
    """What ble_buffered_characteristic.py of micropython-lib expects."""
    said = plays(
        both(
            """
first = aioble.BufferedCharacteristic(own, FIRST, write=True, max_len=40)
second = aioble.BufferedCharacteristic(own, SECOND, write=True, max_len=50, append=True)
""",
            """
for i in range(2):
    await first.written()
    print(len(first.read()))
await second.written()
await second.written()
print(len(second.read()))
""",
            """
await first.write("x" * 45)
await asyncio.sleep_ms(5)
print(await connection.exchange_mtu(100))
await first.write("x" * 45)
await second.write("y" * 30)
await second.write("z" * 30)
await asyncio.sleep_ms(20)
await connection.disconnect()
""",
        )
    )
    assert said == ["20", "100", "40", "50"]


def test_captured_writes_keep_their_order_over_characteristics(plays: Plays) -> None:
    """What ble_write_order.py and ble_write_capture.py of micropython-lib expect."""
    said = plays(
        both(
            """
first = aioble.Characteristic(own, FIRST, write=True, capture=True)
second = aioble.Characteristic(own, SECOND, write=True, capture=True)
""",
            """
async def hears(characteristic, name):
    while True:
        writer, data = await characteristic.written()
        print(name, data, writer is connection)
tasks = [asyncio.create_task(hears(second, "second")), asyncio.create_task(hears(first, "first"))]
await connection.disconnected()
await asyncio.sleep_ms(20)
for each in tasks:
    each.cancel()
""",
            """
for i in range(2):
    await first.write(str(i))
    await second.write(str(i))
await second.write("2")
await first.write("2")
await connection.disconnect()
""",
        )
    )
    order = ["first b'0'", "second b'0'", "first b'1'", "second b'1'", "second b'2'", "first b'2'"]
    assert said == [f"{each} True" for each in order]


def test_a_reader_is_refused_by_the_status_that_the_script_returns(plays: Plays) -> None:
    said = plays(
        both(
            """
class Closed(aioble.Characteristic):
    def on_read(self, connection):
        return 0x08
first = Closed(own, FIRST, read=True)
second = aioble.Characteristic(own, SECOND, read=True)
""",
            "await connection.disconnected()",
            """
for each in (first.read, lambda: second.write("no")):
    try:
        await each()
    except (aioble.GattError, ValueError) as error:
        print(type(error), error)
await connection.disconnect()
try:
    await second.read()
except aioble.DeviceDisconnectedError:
    print("gone")
""",
        )
    )
    assert said == ["<class 'GattError'> 8", "<class 'ValueError'> Unsupported", "gone"]


def test_who_waits_when_the_other_side_leaves_is_told(plays: Plays) -> None:
    said = plays(
        both(
            "first = aioble.Characteristic(own, FIRST, notify=True)\nsecond = aioble.Characteristic(own, SECOND)",
            "await asyncio.sleep_ms(20)\nawait connection.disconnect()",
            """
try:
    await first.notified()
except aioble.DeviceDisconnectedError:
    print("left", connection.is_connected())
with_timeout = connection.timeout(10)
try:
    with with_timeout:
        pass
except aioble.DeviceDisconnectedError:
    print("still")
""",
        )
    )
    assert said == ["left False", "still"]


def test_nobody_answers(plays: Plays) -> None:
    said = plays("""
import asyncio, aioble
async def main():
    async with aioble.scan(20) as scanner:
        print([each async for each in scanner])
    for wait in (aioble.Device(aioble.ADDR_RANDOM, "aa:bb:cc:dd:ee:ff").connect(timeout_ms=20),
                 aioble.advertise(250_000, name="here", timeout_ms=20)):
        try:
            await wait
        except asyncio.TimeoutError:
            print("nobody")
    task = asyncio.create_task(aioble.advertise(250_000, name="here"))
    await asyncio.sleep_ms(5)
    task.cancel()
    print(await task)
    try:
        await aioble.advertise(250_000, name="here" * 20)
    except ValueError as error:
        print(error)
    print(aioble.config("mac"), aioble.config("gap_name"))
asyncio.run(main())
""")
    mac = r"(0, b'\x02angli')"
    assert said == ["[]", "nobody", "nobody", "None", "Advertising payload too long", f"{mac} MPY GANGLION"]


_THERMOMETER = """
[[peripheral]]
name = "mpy-temp"
address = "d0:00:00:00:00:01"
rssi = -61
manufacturer = [0xABCD, "3132"]

[[peripheral.characteristic]]
service = 0x181A
uuid = 0x2A6E
value = "9209"
properties = ["read", "notify"]
every = 10

[[peripheral.characteristic]]
service = "12345678-1234-5678-1234-56789abcdef0"
uuid = 0x2A6F
properties = ["read", "write"]
"""


def test_a_peripheral_of_the_configuration_is_found_and_connected_to_again(plays: Plays) -> None:
    said = plays(
        """
import asyncio, aioble, bluetooth
async def main():
    async with aioble.scan(1000, active=True) as scanner:
        async for result in scanner:
            print(result, result.name(), result.connectable, list(result.services()), list(result.manufacturer()))
            if result.name() and list(result.manufacturer()):
                break
    for i in range(2):
        async with await result.device.connect() as connection:
            print([each.uuid async for each in connection.services()])
            first = await (await connection.service(bluetooth.UUID(0x181A))).characteristic(bluetooth.UUID(0x2A6E))
            await first.subscribe()
            print(await first.notified(), await first.notified())
            other = await connection.service(bluetooth.UUID("12345678-1234-5678-1234-56789abcdef0"))
            second = await other.characteristic(bluetooth.UUID(0x2A6F))
            print(await second.read())
            await second.write("kept")
asyncio.run(main())
""",
        _THERMOMETER,
    )
    services = "[UUID(0x181a), UUID('12345678-1234-5678-1234-56789abcdef0')]"
    found = "Scan result: Device(ADDR_RANDOM, d0:00:00:00:00:01) -61"
    assert said == [
        f"{found} None True {services} [(43981, b'12')]",
        f"{found} mpy-temp True {services} [(43981, b'12')]",
        services,
        r"b'\x92\t' b'\x92\t'",
        "b''",
        services,
        r"b'\x92\t' b'\x92\t'",
        "b'kept'",
    ]


def test_a_test_sets_what_a_peripheral_of_the_configuration_says(plays: Plays) -> None:
    script = """
import asyncio, aioble, bluetooth
from ganglion.shims import board
async def main():
    device = aioble.Device(aioble.ADDR_RANDOM, "d0:00:00:00:00:01")
    async with await device.connect() as connection:
        service = await connection.service(bluetooth.UUID(0x181A))
        first = await service.characteristic(bluetooth.UUID(0x2A6E))
        there = board.current().peripherals["mpy-temp"]
        value = there.value(bytes(bluetooth.UUID(0x2A6E)))
        value.value = b"hot"
        await first.subscribe()
        there.send(value)
        print(await first.notified(), await first.read())
asyncio.run(main())
"""
    assert plays(script, _THERMOMETER) == ["b'hot' b'hot'"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('address = "d0"', "peripheral[0]: address must be like d0:00:00:00:00:01, not 'd0'"),
        ('addres = "d0"', 'peripheral[0].addres: unknown key; did you mean "address"?'),
        ("manufacturer = [1]", 'peripheral[0]: manufacturer must be [number, "hexadecimal"]'),
        (f'name = "{"x" * 60}"', "peripheral[0]: Advertising payload too long"),
        ("characteristic = [{service = 1}]", "peripheral[0].characteristic[0].uuid: this key is required"),
        (
            "characteristic = [{service = 1, uuid = 'x'}]",
            "characteristic[0]: 'x' is no UUID: a number of 16 bits, or text of 128",
        ),
        (
            "characteristic = [{service = 1, uuid = 2, properties = ['reed']}]",
            "properties: 'reed' is none of read, write, write_no_response, notify, indicate",
        ),
        (
            "characteristic = [{service = 1, uuid = 2, value = 'xyz'}]",
            "characteristic[0]: value must be bytes in hexadecimal, not 'xyz'",
        ),
    ],
)
def test_a_wrong_peripheral_is_one_sentence(tmp_path: Path, line: str, says: str) -> None:
    key = line.partition(" ")[0]
    given = {"name": 'name = "x"', "address": 'address = "d0:00:00:00:00:01"', key: line}
    (tmp_path / "board.toml").write_text("[[peripheral]]\n" + "\n".join(given.values()))
    with pytest.raises(InvalidError) as caught:
        made(None, tmp_path / "board.toml")
    assert str(caught.value).endswith(says)


def test_uuids_are_made_compared_and_printed_as_micropython_does() -> None:
    long = UUID("A5A5A5A5-FFFF-9999-1111-5A5A5A5A5A5A")
    assert repr(long) == "UUID('a5a5a5a5-ffff-9999-1111-5a5a5a5a5a5a')"
    assert UUID(bytes(long)) == long == UUID(long)
    assert repr(UUID("AB12")) == "UUID(0x32314241)"  # four bytes are four bytes, text or not
    assert sorted([long, UUID(0x2902)]) == [UUID(0x2902), long]
    assert uuid_bytes("0000180f-0000-1000-8000-00805f9b34fb") == bytes(UUID(0x180F))
    assert uuid_bytes("a5a5a5a5-ffff-9999-1111-5a5a5a5a5a5a") == bytes(long)
    for wrong in (0x10000, -1, "A5A", b"\x01\x02\x03"):
        with pytest.raises(ValueError, match=r"UUID|hexadecimal"):
            UUID(wrong)


@given(st.binary(max_size=80))
def test_whatever_is_advertised_is_taken_apart(data: bytes) -> None:
    for kind in range(256):
        for value in payload.fields((data,), kind):
            assert value in data


@given(
    st.lists(st.sampled_from([2, 4, 16]).flatmap(lambda n: st.binary(min_size=n, max_size=n)), max_size=3),
    st.binary(max_size=12),
    st.integers(0, 0xFFFF),
)
def test_what_is_advertised_is_what_is_heard(services: list[bytes], name: bytes, appearance: int) -> None:
    try:
        parts = payload.built(flags=6, services=services, name=name, appearance=appearance, manufacturer=None)
    except ValueError:
        return
    assert max(map(len, parts)) <= 31
    assert list(payload.fields(parts, payload.NAME)) == ([name] if name else [])
    kinds = [kind for pair in payload.UUIDS.values() for kind in pair]
    assert sorted(payload.fields(parts, *kinds)) == sorted(services)


def test_stop_ends_what_goes_on_and_the_radio_begins_anew(plays: Plays) -> None:
    said = plays(
        """
import asyncio, aioble, bluetooth
async def main():
    connection = await aioble.Device(aioble.ADDR_RANDOM, "d0:00:00:00:00:01").connect()
    first = await (await connection.service(bluetooth.UUID(0x181A))).characteristic(bluetooth.UUID(0x2A6E))
    waits = asyncio.create_task(first.notified())
    async with aioble.scan() as scanner:
        await asyncio.sleep_ms(1)
        aioble.stop()
        print([each async for each in scanner if each.rssi != -61], connection.is_connected())
    try:
        await waits
    except aioble.DeviceDisconnectedError:
        print("gone")
    async with await connection.device.connect() as again:
        print(again.is_connected())
asyncio.run(main())
aioble.stop()
""",
        _THERMOMETER,
    )
    assert said == ["[] False", "gone", "True"]


def test_what_a_board_has_not_says_so(plays: Plays) -> None:
    said = plays("""
import aioble, asyncio, bluetooth
async def main():
    connection = aioble.device.DeviceConnection(aioble.Device(0, b"123456"))
    for what in (connection.pair, lambda: connection.l2cap_connect(22, 128), connection.exchange_mtu):
        try:
            await what()
        except (NotImplementedError, ValueError) as error:
            print(error)
asyncio.run(main())
for what in (bluetooth.BLE, lambda: aioble.config("nothing")):
    try:
        what()
    except (OSError, ValueError) as error:
        print(error)
""")
    assert said == [
        "aioble: connections are not paired on this board; on Linux, pair with bluetoothctl",
        "aioble: there are no L2CAP channels on this board",
        "Not connected",
        "bluetooth.BLE is a microcontroller's radio: import aioble, which has the same on a simulated radio and over"
        " BlueZ (docs/shims.md)",
        "unknown config param",
    ]
