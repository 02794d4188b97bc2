# SPDX-License-Identifier: GPL-3.0-or-later
"""`[history]`: what a node keeps on its own disk. Loaded where the file has the table."""

from dataclasses import dataclass

from ganglion.settings import duration_field, size_field
from ganglion_micro.topic import is_filter


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySection:
    """`[history]`: what the node keeps of its bus on its own disk.

    Attributes:
        topics: MQTT filters of what is kept.
        age: The time of running that it is kept.
        bytes: How much of the disk it takes at most, as in `16MB`; at least 256 KiB.
        sync: The time after which what was gathered is written and synced: a power cut loses no more than that.
    """

    topics: tuple[str, ...] = ("sensor/#",)
    age: int = duration_field("7d")
    bytes: int = size_field("16MiB")
    sync: int = duration_field("1m")

    def __post_init__(self) -> None:
        if not self.topics or (wrong := [topic for topic in self.topics if not is_filter(topic)]):
            raise ValueError(f"topics has {wrong[0]!r}, which is no filter" if self.topics else "topics names none")
        if self.bytes < 256 * 1024:
            raise ValueError(f"bytes is 256KiB or more, not {self.bytes}")
        if not (self.age and self.sync):
            raise ValueError("age and sync are times above 0, such as 7d and 1m")
