// SPDX-License-Identifier: GPL-3.0-or-later
// The editor of scripts. What is written is kept for this tab of the browser, so that a reload loses nothing; `jump` goes to
// a place, counted in characters from 1, and `upload` takes a file without sending it anywhere but into the editor.
"use strict";
window.ganglion.script = {
  most: 500000,
  // Bytes that go to the server at once; its socket takes a million
  bytes: 900000,
  fits(text) { return text.length <= this.most && new Blob([text]).size <= this.bytes; },
  begin(id, label, file) {
    this.id = id;
    this.file = file;
    this.label = label;
    const content = getElement(id).$el.querySelector(".cm-content");
    content?.setAttribute("aria-label", label);
    addEventListener("pagehide", () => this.store());
    return { dark: document.body.classList.contains("body--dark"), draft: this.draft() };
  },
  get view() { return getElement(this.id)?.editor; },
  get key() { return `ganglion.script${location.search}`; },
  draft() {
    try { return JSON.parse(sessionStorage.getItem(this.key)); } catch { return null; }
  },
  keep() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.store(), 200);
  },
  store() {
    const text = this.view?.state.doc.toString();
    if (text === undefined || !this.fits(text)) return;
    try {
      sessionStorage.setItem(this.key, JSON.stringify({ file: this.file, text }));
    } catch { /* a full or forbidden storage keeps nothing */ }
  },
  named(file) {
    this.file = file;
    this.keep();
  },
  jump(line, column) {
    const view = this.view, doc = view.state.doc;
    const at = doc.line(Math.min(Math.max(line, 1), doc.lines));
    const before = [...at.text].slice(0, column - 1).join("").length;
    view.dispatch({ selection: { anchor: at.from + before }, scrollIntoView: true });
    view.focus();
  },
  async upload(input) {
    const file = input.files[0];
    input.value = "";
    if (!file) return;
    const text = file.size > 4 * this.most ? null : await file.text();
    if (text === null || !this.fits(text)) return emitEvent("script-large", file.name);
    emitEvent("script-named", file.name);
    const view = this.view;
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    view.focus();
  },
};
