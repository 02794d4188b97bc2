// SPDX-License-Identifier: GPL-3.0-or-later
// The editor of scripts. The text is the browser's: all that changes it does so here, and the server hears of each change
// in its order; two who write would undo each other. What is written is kept for this tab of the browser, so that a reload
// loses nothing; `jump` goes to a place, counted in characters from 1, and `upload` takes a file without sending it
// anywhere but into the editor.
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
    const draft = this.draft();
    const is_kept = typeof draft?.text === "string" && draft.text.trim() !== "" && this.put(draft.text);
    return { dark: document.body.classList.contains("body--dark"), file: is_kept ? String(draft.file) : null };
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
      // What the address names is fetched anew: it may be another one then
      if (text === this.named_there) sessionStorage.removeItem(this.key);
      else sessionStorage.setItem(this.key, JSON.stringify({ file: this.file, text }));
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
  put(text) {
    if (!this.fits(text)) {
      emitEvent("script-large");
      return false;
    }
    const view = this.view;
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    return true;
  },
  open(text, is_of_address) {
    if (this.put(text) && is_of_address) this.named_there = this.view.state.doc.toString();
  },
  async upload(input) {
    const file = input.files[0];
    input.value = "";
    if (!file) return;
    if (file.size > 4 * this.most) return emitEvent("script-large");
    const text = await file.text();
    if (!this.fits(text)) return emitEvent("script-large");
    emitEvent("script-chosen", file.name);
    this.put(text);
    this.view.focus();
  },
};
