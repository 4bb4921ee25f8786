// Runs a converted file, or any WASI command, under Node 20 or later:
//
//   node --no-warnings run.mjs [--env KEY=VALUE]... FILE.wasm [ARG...]
//
// The file sees no directory of this computer. The exit status is the program's.
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const argv = process.argv.slice(2);
const env = {};
while (argv[0] === "--env") {
  const [pair] = argv.splice(0, 2).slice(1);
  const at = pair.indexOf("=");
  env[pair.slice(0, at)] = pair.slice(at + 1);
}
const wasi = new WASI({ version: "preview1", args: argv, env, returnOnExit: true });
const module = await WebAssembly.compile(await readFile(argv[0]));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
process.exitCode = wasi.start(instance);
