// SPDX-License-Identifier: GPL-3.0-or-later
// The terminal of a console: it has the size of its frame, and lets go of the keyboard with Ctrl-] or, without a shell, Tab.
"use strict";
window.ganglion.console = {
  shell: false,
  begin(id, label) {
    this.id = id;
    const { terminal, fit_addon: fit, $el: frame } = getElement(id);
    terminal.attachCustomKeyEventHandler(event => {
      const leaves = (event.ctrlKey && event.key === "]") || (event.key === "Tab" && !this.shell);
      if (!leaves) return true;
      if (event.type === "keydown" && event.key === "]") {
        event.preventDefault();
        terminal.blur();
        document.querySelector(".g-console-bar a")?.focus();
      }
      return false;
    });
    frame.querySelector("textarea")?.setAttribute("aria-label", label);
    new ResizeObserver(() => frame.clientWidth && fit.fit()).observe(frame);
    fit.fit();
    terminal.focus();
    return [terminal.cols, terminal.rows];
  },
  focus() {
    getElement(this.id).terminal.focus();
  },
};
