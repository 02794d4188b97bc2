// SPDX-License-Identifier: GPL-3.0-or-later
// Runs a script under MicroPython in WebAssembly: `node micropython_wasm.mjs MODULE HEAP FOLDER… -- SCRIPT ARGUMENT…`.
//
// The folders are where modules are imported from. They, the script and the arguments that are files are copied into
// its file system at the paths that they have here.

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const [module, heap, ...rest] = process.argv.slice(2);
const folders = rest.slice(0, rest.indexOf("--"));
const [script, ...words] = rest.slice(rest.indexOf("--") + 1);
const { loadMicroPython } = await import(pathToFileURL(module));
const python = await loadMicroPython({
  heapsize: Number(heap),
  stdout: (line) => process.stdout.write(`${line}\n`),
  linebuffer: true,
});

function copy(file) {
  python.FS.mkdirTree(dirname(file));
  python.FS.writeFile(file, readFileSync(file));
}

function copyModules(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) copyModules(path);
    else if (entry.name.endsWith(".py")) copy(path);
  }
}

folders.forEach(copyModules);
words.filter((word) => existsSync(word)).forEach(copy);
try {
  python.runPython(`import sys\nsys.argv[:] = ${JSON.stringify([script, ...words])}\nsys.path += ${JSON.stringify(folders)}\n`);
  python.runPython(readFileSync(script, "utf8"));
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
