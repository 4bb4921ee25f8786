// Runs a WASI command under Node 20 or later, as a script given by --eval:
//
//   node --input-type=module --eval SCRIPT -- [--env KEY=VALUE | --dir GUEST HOST]... -- FILE [ARG...]
//
// The exit status is the command's.
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const args = process.argv.slice(1);
const env = {};
const preopens = {};
for (let option; (option = args.shift()) !== "--"; ) {
  if (option === "--env") {
    const pair = args.shift();
    const at = pair.indexOf("=");
    env[pair.slice(0, at)] = pair.slice(at + 1);
  } else {
    const [guest, host] = args.splice(0, 2);
    preopens[guest] = host;
  }
}
const wasi = new WASI({ version: "preview1", args, env, preopens });
const imports = wasi.getImportObject();
// Node 20 may crash where it unwinds a long run's stack to end it, as its own
// returnOnExit does.
imports.wasi_snapshot_preview1.proc_exit = (status) => process.exit(status);
const module = await WebAssembly.compile(await readFile(args[0]));
const instance = await WebAssembly.instantiate(module, imports);
wasi.start(instance);
