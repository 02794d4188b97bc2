// SPDX-License-Identifier: GPL-3.0-or-later
// Files of this computer on their way to the gateway: whole where they are small, else in pieces, each by the API under
// its SHA-256, as `ganglion release create` sends them. The page is told what was chosen, and says what is to go; one
// goes after the other.
"use strict";
window.ganglion.sending = (() => {
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every(prime => n % prime)) primes.push(n);
  const fraction = root => (root - Math.floor(root)) * 2 ** 32 | 0;
  const begin = Int32Array.from(primes.slice(0, 8), prime => fraction(Math.sqrt(prime)));
  const rounds = Int32Array.from(primes, prime => fraction(Math.cbrt(prime)));
  const turned = (word, by) => word >>> by | word << 32 - by;

  // FIPS 180-4; `crypto.subtle` is only where the page came by TLS
  function sha256(bytes) {
    const padded = new Uint8Array(bytes.length + 72 & ~63), view = new DataView(padded.buffer);
    padded.set(bytes);
    padded[bytes.length] = 0x80;
    view.setUint32(padded.length - 8, bytes.length / 2 ** 29);
    view.setUint32(padded.length - 4, bytes.length << 3);
    const state = begin.slice(), words = new Int32Array(64);
    for (let at = 0; at < padded.length; at += 64) {
      for (let i = 0; i < 16; i++) words[i] = view.getInt32(at + 4 * i);
      for (let i = 16; i < 64; i++) {
        const x = words[i - 15], y = words[i - 2];
        words[i] = words[i - 16] + (turned(x, 7) ^ turned(x, 18) ^ x >>> 3)
          + words[i - 7] + (turned(y, 17) ^ turned(y, 19) ^ y >>> 10);
      }
      let [a, b, c, d, e, f, g, h] = state;
      for (let i = 0; i < 64; i++) {
        const one = h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + (e & f ^ ~e & g) + rounds[i] + words[i] | 0;
        const two = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + (a & b ^ a & c ^ b & c) | 0;
        h = g; g = f; f = e; e = d + one | 0; d = c; c = b; b = a; a = one + two | 0;
      }
      [a, b, c, d, e, f, g, h].forEach((word, i) => { state[i] += word; });
    }
    return [...state].map(word => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  const files = new Map();
  let last = 0, before = Promise.resolve();

  async function send(number, piece) {
    const pieces = [];
    try {
      for (let at = 0; at === 0 || at < files.get(number)?.size; at += piece) {
        const file = files.get(number);
        if (!file) return; // it was left out meanwhile
        const bytes = new Uint8Array(await file.slice(at, at + piece).arrayBuffer());
        pieces.push(sha256(bytes));
        const answer = await fetch(`/api/v1/releases/files/${pieces.at(-1)}`, {
          method: "PUT",
          body: bytes,
          headers: { "content-type": "application/octet-stream", "accept-language": document.documentElement.lang },
        });
        if (!answer.ok) {
          const why = String((await answer.json()).detail ?? "");
          return emitEvent("file-failed", { number, status: answer.status, why });
        }
        emitEvent("file-moves", { number, there: at + bytes.length });
      }
      if (files.has(number)) emitEvent("file-there", { number, pieces });
    } catch { // it cannot be read any more, or the gateway is away
      emitEvent("file-failed", { number, status: 0, why: "" });
    } finally {
      files.delete(number);
    }
  }

  const carries = event => event.dataTransfer?.types.includes("Files");
  // Beside its place a file would be opened in place of the page
  for (const name of ["dragover", "drop"]) {
    addEventListener(name, event => { if (carries(event)) event.preventDefault(); });
  }

  return {
    choose(pile, chosen) {
      const told = [...chosen].map(file => {
        files.set(++last, file);
        return { number: last, name: file.name, size: file.size };
      });
      if (told.length) emitEvent("files-chosen", { pile, files: told });
    },
    chosen(pile, input) {
      this.choose(pile, input.files);
      input.value = ""; // the same again is a change, too
    },
    over(event, is_over) {
      if (is_over ? carries(event) : !event.currentTarget.contains(event.relatedTarget)) {
        event.currentTarget.toggleAttribute("data-over", is_over);
      }
    },
    drop(pile, event) {
      event.currentTarget.removeAttribute("data-over");
      const items = [...event.dataTransfer.items];
      if (items.some(item => item.webkitGetAsEntry?.()?.isDirectory)) emitEvent("folder-dropped", { pile });
      else this.choose(pile, event.dataTransfer.files);
    },
    begin(number, piece) { before = before.then(() => send(number, piece)); },
    forget(number) { files.delete(number); },
  };
})();
