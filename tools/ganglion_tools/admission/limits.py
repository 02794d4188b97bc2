# SPDX-License-Identifier: GPL-3.0-or-later
"""What one client, and all of them together, may take of a broker."""

#: Name of the file with the broker's process id.
PID_FILE = "broker.pid"

#: Bytes of a packet: an envelope has 64 KiB at most, its topic 90 bytes.
PACKET = 128 * 1024
CONNECTIONS = 4096
#: Messages, and bytes, that wait for one client that is slow or away.
QUEUED = 10_000
QUEUED_BYTES = 16 * 1024 * 1024
#: Messages on their way to one client, not yet acknowledged by it.
IN_FLIGHT = 1024
#: Days that what waits for a client is kept. Ganglion's own ask for nothing to be kept.
SESSION_DAYS = 7
#: Bytes that JetStream may take of the memory and of the disk.
MEMORY_STORE = 256 * 1024 * 1024
FILE_STORE = 4 * 1024 * 1024 * 1024
