"""Runs a WASI command under Wasmer, by the package wasmer-sdk:

    python3 wasmer.py run [--env KEY=VALUE]... FILE.wasm [--] [ARG...]
    python3 wasmer.py --version

The package hands no directory of this computer to a program, so --volume is
refused. Arguments and variables are UTF-8. The exit status is the program's.
"""

import asyncio
import importlib.metadata
import os
import sys

from wasmer_sdk import Wasmer

PIECE = 64 << 10  # of a stream, in bytes


def write(fd, data):
    while data:
        data = data[os.write(fd, data):]


async def copy_out(stream, fd):
    loop = asyncio.get_running_loop()
    async for data in stream:
        await loop.run_in_executor(None, write, fd, data)


async def copy_in(stream):
    loop = asyncio.get_running_loop()
    while data := await loop.run_in_executor(None, os.read, 0, PIECE):
        await stream.write(data)
    await stream.close()


async def run(file, args, env):
    cache = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "wasmer")
    wasmer = Wasmer(cache_root=cache)
    with open(file, "rb") as f:
        package = await wasmer.packages.load(f.read())
    sandbox = await wasmer.sandboxes.create(packages=[package])
    process = await sandbox.command(package, args, env=env).spawn(stdin="pipe")
    copying = asyncio.ensure_future(copy_in(process.stdin))
    await asyncio.gather(copy_out(process.stdout, 1), copy_out(process.stderr, 2))
    output = await process.wait()
    copying.cancel()
    # A thread may still wait for input.
    os._exit(output.exit_code)


def main():
    args = sys.argv[1:]
    if args == ["--version"]:
        print("wasmer-sdk", importlib.metadata.version("wasmer-sdk"))
        return
    if not args or args.pop(0) != "run":
        sys.exit(__doc__)
    env = {}
    while args and args[0].startswith("-"):
        if args[0] != "--env":
            sys.exit(f"wasmer.py: {args[0]} is not there")
        key, _, value = args[1].partition("=")
        env[key] = value
        del args[:2]
    file = args.pop(0)
    if args and args[0] == "--":
        del args[0]
    asyncio.run(run(file, args, env))


main()
