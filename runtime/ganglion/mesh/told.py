# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes tell the gateway of themselves, by the names that both agree on; nothing else is imported."""

#: The stream of a node's vitals; those of a leaf have its name as a further level. A reading that is no sensor's.
VITALS = "system/vitals"
#: The class of events with warnings and errors of the log, and of those that tell how a run ended that crashed.
LOG = "log"
CRASH = "crash"
