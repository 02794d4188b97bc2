# SPDX-License-Identifier: GPL-3.0-or-later
"""What a series of readings says: what is normal, what is not, when it changed, what comes next. In bounded memory."""
