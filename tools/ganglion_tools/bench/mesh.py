# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion bench mesh`: what signing costs, on its own and over each broker; what peers weigh; how fast a cut heals.

The peers are those who would be used instead: cbor2 and PyNaCl for the bytes, cbor2 over MQTT and aiomqtt without a
signature for the way. The goals are those of "Goals in figures" of shared/design/mesh.md.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from ganglion.errors import GanglionError, UsageError
from ganglion.mesh.authority import Authority
from ganglion.mqtt.url import BrokerUrl
from ganglion_tools import broker
from ganglion_tools.bench import mesh_cut as cut
from ganglion_tools.bench import mesh_frames as frames
from ganglion_tools.bench import mesh_known as known
from ganglion_tools.bench import mesh_wire as wire
from ganglion_tools.bench.figure import Figure, figure
from ganglion_tools.bench.mesh_members import NOW
from ganglion_tools.bench.progress import begins
from ganglion_tools.bench.timing import nanoseconds
from ganglion_tools.child import Child

#: How many times the cost of codec and signature alone; readings a second; MiB; seconds.
ENVELOPE_GOAL, RATE_GOAL, KNOWN_GOAL, CUT_GOAL = 1.3, 20_000.0, 16.0, 3.0
#: The burst that a goal is for: a node that says that much gathers it into whole frames.
GATHERED = 100
ROUNDS = {1: 1000, 10: 500, 100: 100}
TITLES = {"nats": "NATS Server", "mosquitto": "Mosquitto"}


def figures() -> list[Figure]:
    """All of them; takes two minutes.

    Raises:
        GanglionError: somebody lost or invented a message.
    """
    return [*_frames(), *_wires(), *_known(), *_cuts()]


def _frames() -> list[Figure]:
    begins("mesh", "frames, sealed and opened")
    found = []
    with tempfile.TemporaryDirectory(prefix="ganglion-bench-") as folder:
        authority = Authority.open(Path(folder), now=NOW)
        for size in frames.SIZES:
            rounds = ROUNDS[size]
            for verb, contestants in (
                ("seal", frames.sealing(authority, size)),
                ("open", frames.opening(authority, size, rounds=rounds)),
            ):
                found += _costs(verb, size, nanoseconds(contestants, rounds=rounds))
    return found


def _costs(verb: str, size: int, costs: dict[str, float]) -> list[Figure]:
    return [
        figure(
            name=f"{verb} a frame of {size} reading{'s' * (size > 1)}",
            unit="us",
            value=costs[frames.GANGLION] / 1e3,
            more_is_better=False,
            peer=frames.BARE,
            peer_value=costs[frames.BARE] / 1e3,
            goal=ENVELOPE_GOAL,
        ),
        figure(
            name=f"{verb}, readings a second in frames of {size}",
            unit="1/s",
            value=size * 1e9 / costs[frames.GANGLION],
            more_is_better=True,
            peer=frames.UNSIGNED,
            peer_value=size * 1e9 / costs[frames.UNSIGNED],
        ),
    ]


def _wires() -> list[Figure]:
    found = []
    for kind in broker.KINDS:
        begins("mesh", f"readings and commands over {TITLES[kind]}")
        try:
            found += on(TITLES[kind], asyncio.run(_wire(kind)))
        except UsageError as error:
            print(f"bench mesh: without {TITLES[kind]}: {error}", file=sys.stderr)
    return found


async def _wire(kind: str) -> wire.Measured:
    with tempfile.TemporaryDirectory(prefix="ganglion-bench-") as name:
        folder = Path(name)
        port = broker.free_port()
        server = await Child.start(kind, broker.command(kind, folder / kind, port), log=folder / "log")
        try:
            url = BrokerUrl(host="127.0.0.1", port=port)
            await broker.answers(url, timeout=10)
            return await wire.measure(str(url), folder, rounds=wire.ROUNDS, readings=wire.READINGS, calls=wire.CALLS)
        except GanglionError as error:
            raise GanglionError(f"bench mesh: over {TITLES[kind]}: {error}") from error
        finally:
            await server.stop()


def on(title: str, measured: wire.Measured) -> list[Figure]:
    """What was measured over one broker."""
    rates = [
        figure(
            name=f"signed readings a second, flushed every {burst}, over {title}",
            unit="1/s",
            value=each[wire.GANGLION],
            more_is_better=True,
            peer=wire.BARE,
            peer_value=each[wire.BARE],
        )
        for burst, each in measured.rates.items()
    ]
    goal = figure(
        name=f"signed readings a second through one node in frames, over {title}",
        unit="1/s",
        value=measured.rates[GATHERED][wire.GANGLION],
        more_is_better=True,
        goal=RATE_GOAL,
    )
    ours = measured.trips[wire.GANGLION]
    trips = [
        figure(
            name=f"command there and back, {which}, over {title}",
            unit="ms",
            value=getattr(ours, which),
            more_is_better=False,
            peer=peer,
            peer_value=getattr(measured.trips[peer], which),
        )
        for peer in (wire.AIOMQTT, wire.BARE)
        for which in ("p50", "p99")
    ]
    return [*rates, goal, *trips]


def _known() -> list[Figure]:
    begins("mesh", f"memory for {known.PEERS:,} known peers")
    weight = known.weight(known.PEERS)
    name = f"memory for {known.PEERS:,} known peers"
    return [
        figure(name=name, unit="MiB", value=weight.resident, more_is_better=False, goal=KNOWN_GOAL),
        figure(name=f"{name}, as Python counts it", unit="MiB", value=weight.allocated, more_is_better=False),
    ]


def _cuts() -> list[Figure]:
    found = []
    for length in cut.LENGTHS:
        begins("mesh", f"a cut in a line of {length}")
        outage = cut.outage(length, cuts=cut.CUTS)
        name = f"way around a cut in a line of {length}, in virtual time"
        found += [
            figure(name=f"{name}, p50", unit="s", value=outage.p50, more_is_better=False),
            figure(name=f"{name}, p95", unit="s", value=outage.p95, more_is_better=False, goal=CUT_GOAL),
        ]
    return found
