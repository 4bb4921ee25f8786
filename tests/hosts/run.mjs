// Runs a converted file, or any WASI command, under Node 20 or later:
//
//   node --no-warnings run.mjs [--env KEY=VALUE | --dir HOST::GUEST]... FILE.wasm [ARG...]
//
// The file sees the directories of --dir and nothing else of this computer. The
// exit status is the program's.
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const args = process.argv.slice(2);
const env = {};
const preopens = {};
while (args[0] === "--env" || args[0] === "--dir") {
  const [option, pair] = args.splice(0, 2);
  const separator = option === "--env" ? "=" : "::";
  const at = pair.indexOf(separator);
  const [left, right] = [pair.slice(0, at), pair.slice(at + separator.length)];
  if (option === "--env") env[left] = right;
  else preopens[right] = left;
}
const wasi = new WASI({ version: "preview1", args, env, preopens });
const imports = wasi.getImportObject();
// Node 20 may crash where it unwinds a long run's stack to end it, as its own
// returnOnExit does.
imports.wasi_snapshot_preview1.proc_exit = (status) => process.exit(status);
const module = await WebAssembly.compile(await readFile(args[0]));
const instance = await WebAssembly.instantiate(module, imports);
wasi.start(instance);
