// Drives a linked module as a reactor under Node, with hook 0 filled after
// nine steps: node reactor.mjs LINKED ADAPTER ARG...
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const [linkedFile, adapterFile, ...args] = process.argv.slice(2);
const wasi = new WASI({ version: "preview1", args: ["linked", ...args] });
const linked = await WebAssembly.instantiate(await readFile(linkedFile), wasi.getImportObject());
const { memory, c2w_init, c2w_step, c2w_table } = linked.instance.exports;

// initialize() refuses an instance that has _start.
wasi.initialize({ exports: { memory, _initialize: c2w_init } });
for (let steps = 1; c2w_step() >= 0; steps++) {
  if (steps === 9) {
    await WebAssembly.instantiate(await readFile(adapterFile), {
      env: { hook: (x) => x + 1000 },
      linked: { c2w_table },
    });
  }
}
