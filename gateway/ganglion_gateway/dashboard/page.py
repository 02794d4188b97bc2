# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/`."""

from fastapi import FastAPI
from nicegui import ui

from ganglion_gateway.services import Services


def mount(app: FastAPI, services: Services) -> None:
    """Adds the dashboard to an application."""

    @ui.page("/", title="Ganglion", dark=None)
    def fleet() -> None:
        ui.label("Ganglion")

    ui.run_with(app, dark=None, show_welcome_message=False, title="Ganglion")
