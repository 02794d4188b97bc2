# SPDX-License-Identifier: GPL-3.0-or-later
"""The page `/models`: which language models are asked, what of the budgets is used, and by whom."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from nicegui import ui

from ganglion.client.documents import Budget, Entry, Model
from ganglion.client.operations import audit, models
from ganglion.units import SECOND
from ganglion_gateway.dashboard import chart, text
from ganglion_gateway.dashboard.parts import Cell, Row, Table, card, choice
from ganglion_gateway.dashboard.style import ACCENT, CHART_INK
from ganglion_gateway.dashboard.visit import Visit

#: Days that the sums are of.
_DAYS = (1, 7, 30)
#: Seconds between looks; sums change slowly.
_TURN = 5.0
#: Of the audit: one question to a model.
_QUESTION = "model.prompt"


async def build(visit: Visit) -> None:
    """Fills the page."""
    await _Models(visit).build()


class _Models:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._by, self._days = "model", 7

    async def build(self) -> None:
        visit, say = self._visit, self._visit.say
        with card(say("Models")):
            self._models = Table(
                (say("Order"), say("Name"), say("Model"), say("Address"), say("Price of a million tokens, in and out")),
                empty=say("No model is configured: scripts decide without one. `ganglion gateway --help` says how."),
                label=say("Models"),
            )
            self._cache = ui.label("").classes("g-faint")
        with card(say("Budgets of today")):
            self._budgets = Table(
                (say("Of"), say("Name"), say("Tokens"), say("Cost")),
                empty=say("No budget is set: what scripts ask of models has no limit."),
                label=say("Budgets of today"),
            )
        with card(say("Use")):
            with ui.element("div").classes("g-bar"):
                by = {
                    "model": say("by model"),
                    "node": say("by node"),
                    "script": say("by script"),
                    "day": say("by day"),
                }
                choice(say("Sums"), by, self._by, self._sum_by)
                days = {days: say("{days} days").format(days=days) for days in _DAYS}
                choice(say("Time"), days, self._days, self._look_back)
            self._chart = ui.echart(_bars([], "")).classes("g-bars")
            self._chart.props(f'role="img" aria-label="{say("Cost of each day")}"')
            self._use = Table(
                (say("Who"), say("Questions"), say("From the cache"), say("Tokens in"), say("Tokens out"), say("Cost")),
                empty=say("No script has asked a model in this time."),
                label=say("Use"),
            )
        self._questions: Table | None = None
        if visit.may("audit"):
            with card(say("Last questions")):
                self._questions = Table(
                    (say("When"), say("Node"), say("What was asked, and what came of it")),
                    empty=say("No script has asked a model in this time."),
                    label=say("Last questions"),
                )
        await visit.every(self._look, seconds=_TURN)

    async def _look(self) -> None:
        visit, say = self._visit, self._visit.say
        known = await visit.ask(models.get_models())
        currency = known["currency"]
        self._models.update(
            [
                Row(
                    each["name"],
                    (
                        Cell(str(place)),
                        Cell(each["name"]),
                        Cell(each["model"]),
                        Cell(each["url"]),
                        Cell(_prices(each, currency)),
                    ),
                )
                for place, each in enumerate(known["models"], 1)
            ]
        )
        cache = known["cache"]
        kept = say("Answers are kept for {span}.").format(span=text.span(cache["ttl"] / SECOND, say)) if cache else ""
        self._cache.set_text(kept)
        self._cache.set_visibility(bool(kept))
        self._budgets.update([_budget(each, currency, visit) for each in known["budgets"]])
        await self._sums(currency)
        if self._questions is not None:
            now = visit.services.clock()
            page = await visit.ask(audit.get_audit(limit=20, action=_QUESTION))
            self._questions.update([_question(each, place, now, visit) for place, each in enumerate(page["entries"])])

    async def _sums(self, currency: str) -> None:
        visit = self._visit
        first = (datetime.now(UTC) - timedelta(days=self._days - 1)).strftime("%Y-%m-%d")
        used = await visit.ask(models.get_models_usage(by=self._by, since=first, limit=500))
        rows = []
        for each in used["usage"]:
            named: Mapping[str, Any] = each  # under the name of what the sums are by
            key = str(named[self._by])
            counts = (each["questions"], each["cached"], each["prompt_tokens"], each["completion_tokens"])
            link = f"/nodes/{key}" if self._by == "node" else ""
            cells = [
                Cell(str(named.get("name", key)) or "–", link=link),
                *(Cell(text.number(count)) for count in counts),
            ]
            rows.append(Row(key, [*cells, Cell(_cost(each["cost"], currency))]))
        self._use.update(rows)
        days = await visit.ask(models.get_models_usage(by="day", since=first))
        options = _bars([[each["day"], each["cost"]] for each in reversed(days["usage"])], currency)
        if options != self._chart.options:
            self._chart.options.clear()
            self._chart.options.update(options)
            self._chart.update()
        self._chart.set_visibility(any(each["cost"] for each in days["usage"]))

    async def _sum_by(self, by: str) -> None:
        self._by = by
        await self._look()

    async def _look_back(self, days: int) -> None:
        self._days = days
        await self._look()


def _prices(model: Model, currency: str) -> str:
    prices = (model["prompt_price"], model["completion_price"])
    return " / ".join("–" if price is None else f"{price:g} {currency}" for price in prices)


def _budget(budget: Budget, currency: str, visit: Visit) -> Row:
    tokens, cost = budget["tokens"], budget["cost"]
    used = budget["used"]
    kind = {"day": visit.say("everything"), "node": visit.say("node"), "script": visit.say("script")}
    cells = (
        Cell(kind.get(budget["of"], budget["of"])),
        Cell(budget["name"] or "–"),
        _part(used["tokens"], tokens, text.number(used["tokens"]), "" if tokens is None else text.number(tokens)),
        _part(used["cost"], cost, _cost(used["cost"], currency), "" if cost is None else _cost(cost, currency)),
    )
    return Row(f"{budget['of']} {budget['name']}", cells)


def _part(used: float, limit: float | None, shown: str, of: str) -> Cell:
    if limit is None:
        return Cell(shown)
    share = used / limit if limit else 1.0
    return Cell(f"{shown} / {of}", state="bad" if share >= 1 else "warn" if share >= 0.8 else "good")


def _question(entry: Entry, place: int, now: int, visit: Visit) -> Row:
    detail = text.short(entry["detail"])
    at = entry["at"]
    return Row(
        f"{at}-{place}",
        (
            Cell(text.ago(now - at, visit.say), hint=text.iso(at)),
            Cell(entry["target"]),
            Cell(detail, hint=text.whole(str(entry["detail"]))),
        ),
    )


def _cost(cost: float, currency: str) -> str:
    return f"{cost:.4f}".rstrip("0").rstrip(".") + f" {currency}"


def _bars(days: list[list[Any]], currency: str) -> dict[str, Any]:
    return {
        "animation": False,
        "grid": {"left": 2, "right": 6, "top": 8, "bottom": 2, "containLabel": True},
        "xAxis": {"type": "category", "data": [day for day, _ in days], "axisTick": {"show": False}}
        | {
            "axisLabel": {"color": CHART_INK, ":formatter": "day => day.slice(5)"},
            "axisLine": {"lineStyle": {"color": CHART_INK}},
        },
        "yAxis": {"type": "value", "splitNumber": 2, "splitLine": chart.SPLIT, "axisLabel": {"color": CHART_INK}},
        "tooltip": {"trigger": "axis", "confine": True},
        "series": [
            {"type": "bar", "name": currency, "data": [cost for _, cost in days], "color": ACCENT, "barMaxWidth": 32}
        ],
    }
