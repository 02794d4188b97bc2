// SPDX-License-Identifier: GPL-3.0-or-later
// `begin` is called once a page. Keys: `g` and a letter go to a page, `/` to what finds something on it. Choices are kept
// in cookies. `push` adds new points to charts that are there, one message for all of them, and drops what is older than
// the window; `number` is what stands beside an axis, and `span` what is said of a span of time in a chart.
"use strict";
window.ganglion = {
  compact: new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 }),
  plain: new Intl.NumberFormat("en", { maximumSignificantDigits: 6, useGrouping: false }),
  number(value) {
    return value == null ? "" : (Math.abs(value) < 1e5 ? this.plain : this.compact).format(value);
  },
  begin(language, keys) {
    const root = document.documentElement;
    const speak = () => { if (root.lang !== language) root.lang = language; }; // Quasar says its own
    new MutationObserver(speak).observe(root, { attributes: true, attributeFilter: ["lang"] });
    speak();
    let gone = 0;
    addEventListener("keydown", event => {
      const typing = event.target.closest?.("input, textarea, select, [contenteditable=true], .xterm");
      if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
      const goes = Date.now() - gone < 1500 && keys[event.key];
      gone = event.key === "g" ? Date.now() : 0;
      const find = event.key === "/" && document.querySelector("input[data-find], [data-find] input");
      if (goes) location.assign(goes);
      else if (find) { find.focus(); event.preventDefault(); }
    });
  },
  menu() {
    const open = document.getElementById("menu").classList.toggle("g-open");
    document.querySelector(".g-menu").setAttribute("aria-expanded", open);
  },
  choose(name, value) {
    document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=strict`;
    location.reload();
  },
  login(why) {
    const next = location.pathname + location.search;
    location.assign(`/login?${new URLSearchParams(next === "/" ? { why } : { why, next })}`);
  },
  colours() {
    this.choose("ganglion_colours", document.body.classList.contains("body--dark") ? "light" : "dark");
  },
  copy(id) {
    const range = document.createRange();
    range.selectNodeContents(document.getElementById(id));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    if (navigator.clipboard) navigator.clipboard.writeText(range.toString());
    else document.execCommand("copy"); // without TLS a page has no clipboard
  },
  span(points) {
    const [low, spread, mean] = [0, 1, 2].map(index => points.find(point => point.seriesIndex === index)?.value[1]);
    const at = new Date(points[0].value[0]).toLocaleString(document.documentElement.lang);
    if (mean == null) return at;
    return `${at}<br><b>${this.number(mean)}</b> (${this.number(low)} … ${this.number(low + spread)})`;
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
