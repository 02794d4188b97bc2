# SPDX-License-Identifier: GPL-3.0-or-later
"""What every node should know without asking: registers, sets and counters that each may write while it is cut off.

`replica` is the whole of it for a caller: it writes, reads, merges and says what to send. `entry` is one signed write,
`lattice` the rules by which writes displace one another, `sync` how two replicas find what differs, `file` where a
replica outlives its process. Nothing but `file` does I/O, and nothing reads a clock.
"""
