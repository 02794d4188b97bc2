# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixed part of an event as 64 bytes, little-endian: `gg_record` of native/include/ganglion.h."""

from struct import Struct

#: topic, type, source, slot, sequence, wall, monotonic, value, confidence, priority, flags, 0.
RECORD = Struct("<4iQ2qdfi2I")

#: The value is no number: it is in a slot of the inbox's owner.
IN_SLOT = 1
