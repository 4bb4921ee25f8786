// Runs a WASI command under Node: node node.mjs FILE [ARG...]
// C2W_TEST_DIRS has the preopened directories, lines HOST::GUEST.
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const [file, ...args] = process.argv.slice(2);
const env = Object.fromEntries(Object.entries(process.env).filter(([k]) => k.startsWith("GUEST_")));
const preopens = Object.fromEntries((process.env.C2W_TEST_DIRS ?? "").split("\n").filter(Boolean)
  .map((pair) => pair.split("::").reverse()));
const wasi = new WASI({ version: "preview1", args: [file, ...args], env, preopens, returnOnExit: true });
const module = await WebAssembly.compile(await readFile(file));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
process.exitCode = wasi.start(instance);
