# SPDX-License-Identifier: GPL-3.0-or-later
"""Actuators behind their guardian. No script, command, model or console goes around it."""

from ganglion.guardian.actuators import Actuators
from ganglion.guardian.guardian import Guardian
from ganglion.guardian.words import ActuatorStatus, Command, Decision, Effect, Memory, Risk, Rule

__all__ = ["ActuatorStatus", "Actuators", "Command", "Decision", "Effect", "Guardian", "Memory", "Risk", "Rule"]
