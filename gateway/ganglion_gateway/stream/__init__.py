# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens at the gateway, as channels that programs and pages follow over `/ws`, and resume after a break."""
