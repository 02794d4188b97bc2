# SPDX-License-Identifier: GPL-3.0-or-later
"""The paths of events as OpenTelemetry traces."""
