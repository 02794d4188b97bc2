# SPDX-License-Identifier: GPL-3.0-or-later
"""How the dashboard looks: one style sheet on variables, light and dark as the system is, one column on a phone."""

ACCENT = "#0d9488"
#: Of axes and labels in charts; between the two grounds, so that it is read on both.
CHART_INK = "#7b8a97"

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><g fill="none" stroke="#0d9488" stroke-width="2.4">'
    '<path d="M16 16 5 7M16 16 27 7M16 16 16 29"/></g><g fill="#0d9488"><circle cx="16" cy="16" r="5.5"/>'
    '<circle cx="5" cy="7" r="3"/><circle cx="27" cy="7" r="3"/><circle cx="16" cy="28" r="3"/></g></svg>'
)

CSS = """
:root { --ground: #f3f5f7; --card: #ffffff; --ink: #15202b; --faint: #566573; --line: #dfe5ea; --soft: #eef2f5;
  --accent: #0f766e; --good: #15803d; --bad: #b42318; --warn: #9a5b00; --shadow: 0 1px 2px rgb(16 24 40 / .06) }
body.body--dark { --ground: #0d1318; --card: #151d25; --ink: #e7edf2; --faint: #95a3af; --line: #26323d;
  --soft: #1b252f; --accent: #2dd4bf; --good: #4ade80; --bad: #ff8f85; --warn: #f5b454; --shadow: none }
body { background: var(--ground); color: var(--ink); font: 15px/1.45 system-ui, "Segoe UI", Roboto, sans-serif }
.nicegui-content { padding: 0; gap: 0; align-items: stretch }
.g-head { position: sticky; top: 0; z-index: 10; display: flex; flex-wrap: wrap; align-items: center; gap: .4rem .6rem;
  padding: .65rem clamp(.8rem, 3vw, 2rem); background: var(--card); border-bottom: 1px solid var(--line) }
.g-mark { width: 26px; height: 26px; flex: none } .g-mark svg { display: block; width: 100%; height: 100% }
.g-head h1 { margin: 0; font-size: 1.1rem; line-height: 1.3; font-weight: 700; letter-spacing: -.01em }
.g-space { flex: 1 }
.g-chip { display: inline-flex; align-items: center; gap: .4rem; padding: .15rem .6rem; border-radius: 999px;
  background: var(--soft); color: var(--faint); font-size: .8rem; white-space: nowrap }
.g-dot { width: .55rem; height: .55rem; border-radius: 50%; background: var(--faint); flex: none }
.g-on > .g-dot { background: var(--good) } .g-off > .g-dot { background: var(--bad) }
.g-button { font: inherit; font-size: .8rem; padding: .25rem .7rem; border-radius: 8px; border: 1px solid var(--line);
  background: none; color: var(--ink); cursor: pointer; white-space: nowrap }
.g-button:hover { background: var(--soft) }
.g-main { display: grid; gap: 1rem; padding: 1rem clamp(.8rem, 3vw, 2rem) 3rem; max-width: 1500px; margin: 0 auto;
  width: 100%; grid-template-columns: minmax(0, 1fr) }
@media (min-width: 1100px) { .g-main { grid-template-columns: minmax(0, 1fr) 22rem; align-items: start }
  .g-sums { grid-column: 1 / -1 } }
.g-sums { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)) }
.g-card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; box-shadow: var(--shadow) }
.g-sum { padding: .8rem 1rem } .g-sum b { display: block; font-size: 1.65rem; line-height: 1.2; font-weight: 650;
  font-variant-numeric: tabular-nums; letter-spacing: -.02em }
.g-sum span { color: var(--faint); font-size: .82rem }
.g-bad b { color: var(--bad) }
.g-nodes { display: grid; gap: 1rem }
.g-bar { display: flex; flex-wrap: wrap; align-items: center; gap: .6rem }
.g-bar h2, .g-side h2 { margin: 0; font-size: .95rem; line-height: 1.4; font-weight: 650; flex: 1 }
.g-node { padding: .9rem 1rem 1rem }
.g-node-head { display: flex; flex-wrap: wrap; align-items: center; gap: .3rem .6rem; margin-bottom: .7rem }
.g-node-head h3 { margin: 0; font-size: 1.05rem; line-height: 1.4; font-weight: 650 }
.g-faint { color: var(--faint); font-size: .82rem }
.g-tiles { display: grid; gap: .7rem; grid-template-columns: repeat(auto-fill, minmax(min(13.5rem, 100%), 1fr)) }
.g-tile { background: var(--soft); border-radius: 10px; padding: .6rem .7rem .3rem; min-width: 0 }
.g-tile-name { color: var(--faint); font-size: .8rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.g-value { display: flex; align-items: baseline; gap: .3rem; min-width: 0 }
.g-value b { font-size: 1.45rem; line-height: 1.25; font-weight: 620; font-variant-numeric: tabular-nums;
  letter-spacing: -.02em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.g-chart { height: 84px; width: 100%; margin-top: .15rem }
.g-away .g-tile { opacity: .62 }
.g-side { padding: .9rem 1rem; display: grid; gap: .6rem }
.g-asides { display: grid; gap: 1rem }
@media (max-width: 1099px) { .g-asides { order: -1 } .g-sums { order: -2 } }
.g-alerts { display: grid; gap: .15rem; max-height: 70vh; overflow: auto; margin: 0 -.5rem; padding: 0 }
.g-alert { display: block; width: 100%; text-align: left; font: inherit; color: inherit; background: none; border: 0;
  border-left: 3px solid var(--warn); border-radius: 6px; padding: .45rem .6rem; cursor: pointer }
.g-alert:hover { background: var(--soft) }
.g-alert-top { display: flex; justify-content: space-between; gap: .6rem; font-size: .82rem; color: var(--faint) }
.g-alert-text { overflow-wrap: anywhere }
.g-consent { display: grid; gap: .3rem; padding: .45rem .5rem }
.g-consent .g-alert-top { overflow-wrap: anywhere }
.g-consent b { white-space: pre-wrap }
.g-consent-buttons { display: flex; gap: .5rem }
.g-empty { padding: 1.4rem 1rem; color: var(--faint) }
.g-empty code { background: var(--soft); padding: .1rem .35rem; border-radius: 5px; color: var(--ink) }
.g-button:focus-visible, .g-alert:focus-visible, .g-tile:focus-visible { outline: 2px solid var(--accent);
  outline-offset: 2px }
.g-dialog { padding: 1rem 1.2rem 1.2rem; width: min(44rem, 92vw); max-width: 92vw !important; border-radius: 14px;
  background: var(--card); color: var(--ink) }
.g-dialog h2 { margin: 0 0 .2rem; font-size: 1.05rem; line-height: 1.4; font-weight: 650 }
.g-stages { margin: .8rem 0 0; padding: 0; list-style: none }
.g-stage { position: relative; display: grid; grid-template-columns: 6.2rem 5.2rem minmax(0, 1fr); gap: .1rem .7rem;
  padding: .35rem 0 .35rem 1.3rem }
.g-stage::before { content: ""; position: absolute; left: .2rem; top: .72rem; width: .6rem; height: .6rem;
  border-radius: 50%; background: var(--good) }
.g-stage:not(:last-child)::after { content: ""; position: absolute; left: .45rem; top: 1.4rem; bottom: -.6rem;
  width: 2px; background: var(--line) }
.g-stage b { font-weight: 620 } .g-stage span { overflow-wrap: anywhere }
.g-stage .g-when { color: var(--faint); font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap }
.g-pending::before { background: var(--warn) } .g-failed::before { background: var(--bad) }
.g-skipped { color: var(--faint) } .g-skipped::before { background: var(--line) }
@media (max-width: 560px) { .g-stage { grid-template-columns: 1fr auto }
  .g-stage span:last-child { grid-column: 1 / -1 } }
@media (max-width: 560px) { .g-head { flex-wrap: nowrap } .g-head .g-chip { min-width: 0; overflow: hidden }
  .g-tiles { grid-template-columns: repeat(2, minmax(0, 1fr)) } .g-tile { padding: .5rem .5rem .2rem } }
.g-dialog-head { display: flex; align-items: start; gap: 1rem; width: 100% }
.g-dialog-head > div:first-child { flex: 1 }
@media (prefers-reduced-motion: reduce) { * { transition: none !important; animation: none !important } }
"""

#: `push` adds new points to charts that are there, one message for all of them, and drops what is older than the
#: window; `number` is what stands beside an axis.
SCRIPT = """
window.ganglion = {
  compact: new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 }),
  plain: new Intl.NumberFormat("en", { maximumSignificantDigits: 6, useGrouping: false }),
  number(value) {
    return value == null ? "" : (Math.abs(value) < 1e5 ? this.plain : this.compact).format(value);
  },
  push(points, seconds) {
    for (const [id, added] of Object.entries(points)) {
      const chart = getElement(Number(id))?.chart;
      if (!chart) continue;
      const data = (chart.getOption().series?.[0]?.data ?? []).concat(added);
      const oldest = data[data.length - 1][0] - seconds * 1000;
      let first = 0;
      while (data[first][0] < oldest) first++;
      chart.setOption({ series: [{ data: data.slice(first) }] });
    }
  },
};
"""
