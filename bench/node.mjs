// node run.mjs ENV [--dir HOST::GUEST] FILE.wasm [ARG...]: runs a WASI program in Node.
// ENV is KEY=VALUE lines for the program; Node's own environment is not passed.
import { readFileSync } from 'node:fs'
import { WASI } from 'node:wasi'

const [env, ...rest] = process.argv.slice(2)
const [host, guest] = rest[0] === '--dir' ? rest.splice(0, 2)[1].split('::') : []
const [file, ...args] = rest
const wasi = new WASI({
  version: 'preview1',
  preopens: guest ? { [guest]: host } : {},
  args: [file, ...args],
  env: Object.fromEntries(env.split('\n').filter(Boolean).map((line) => {
    const at = line.indexOf('=')
    return [line.slice(0, at), line.slice(at + 1)]
  })),
})
const imports = wasi.getImportObject()
// Node 20 may crash where it unwinds a long run's stack to end it, as its own
// returnOnExit does.
imports.wasi_snapshot_preview1.proc_exit = (status) => process.exit(status)
const module = new WebAssembly.Module(readFileSync(file))
wasi.start(new WebAssembly.Instance(module, imports))
