// Runs a WASI command under Node: node node.mjs FILE [ARG...]
// C2W_TEST_DIRS has the preopened directories, lines HOST::GUEST.
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const [file, ...args] = process.argv.slice(2);
const env = Object.fromEntries(Object.entries(process.env).filter(([k]) => k.startsWith("GUEST_")));
const preopens = Object.fromEntries((process.env.C2W_TEST_DIRS ?? "").split("\n").filter(Boolean)
  .map((pair) => pair.split("::").reverse()));
const wasi = new WASI({ version: "preview1", args: [file, ...args], env, preopens });
const imports = wasi.getImportObject();
// Node 20 may crash where it unwinds a long run's stack to end it, as its own
// returnOnExit does.
imports.wasi_snapshot_preview1.proc_exit = (status) => process.exit(status);
const module = await WebAssembly.compile(await readFile(file));
const instance = await WebAssembly.instantiate(module, imports);
wasi.start(instance);
