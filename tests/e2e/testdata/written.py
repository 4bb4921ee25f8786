"""Orders of opening, changing, writing and looking in which what was written was
lost. Run with a directory of the host; prints what is wrong, and how many were
tried."""
import os
import sys

d = sys.argv[1]
tried = 0


def expect(what, got, want):
    global tried
    tried += 1
    if got != want:
        print(what, "is", got, "and not", want, flush=True)


def size(p):
    return os.stat(p).st_size


CHANGES = {  # what happens to 100 bytes before 32 are written at the end: the size then
    "opened with O_TRUNC": (32, None),
    "ftruncate to 0": (32, lambda f, p: os.ftruncate(f, 0)),
    "truncate to 0": (32, lambda f, p: os.truncate(p, 0)),
    "ftruncate to 10": (42, lambda f, p: os.ftruncate(f, 10)),
    "ftruncate to 5000": (5032, lambda f, p: os.ftruncate(f, 5000)),
    "opened again with O_TRUNC": (32, lambda f, p: os.close(os.open(p, os.O_WRONLY | os.O_TRUNC))),
    "fchmod": (132, lambda f, p: os.fchmod(f, 0o600)),
    "utime": (132, lambda f, p: os.utime(f, (1, 1))),
    "rename": (132, lambda f, p: (os.rename(p, p + ".o"), os.rename(p + ".o", p))),
    "link": (132, lambda f, p: (os.link(p, p + ".l"), os.unlink(p + ".l"))),
    "nothing": (132, None),
}
LOOKS = {
    "stat": lambda f, p: size(p),
    "read": lambda f, p: len(open(p, "rb").read()),
    "fstat": lambda f, p: os.fstat(f).st_size,
    "nothing": lambda f, p: None,
}
ACCESS = {"": os.O_RDWR, ", appending": os.O_RDWR | os.O_APPEND, ", appending only": os.O_WRONLY | os.O_APPEND}

n = 0
for change, (want, act) in CHANGES.items():
    for look, seen in LOOKS.items():
        for access, flags in ACCESS.items():
            n += 1
            p = "%s/w%d.%d" % (d, n, want)
            what = "%s, then %s%s: " % (change, look, access)
            with open(p, "wb") as f:
                f.write(b"A" * 100)
            f = os.open(p, flags | (os.O_TRUNC if change == "opened with O_TRUNC" else 0))
            if act:
                act(f, p)
            os.lseek(f, 0, os.SEEK_END)
            os.write(f, b"B" * 32)
            got = seen(f, p)
            if got is not None:
                expect(what + look, got, want)
            os.write(f, b"C")
            os.ftruncate(f, want)
            expect(what + "the position", os.lseek(f, 0, os.SEEK_CUR), want + 1)
            os.close(f)
            expect(what + "the size", size(p), want)
            expect(what + "the end", open(p, "rb").read()[-33:].lstrip(b"A\0"), b"B" * 32)

# A size that shrinks in the middle of what was written.
p = d + "/shrunk"
with open(p, "wb") as f:
    f.write(b"abcdef")
f = os.open(p, os.O_RDWR)
os.pwrite(f, b"z", 100)
for size_, want in ((2, b"ab"), (5, b"ab\0\0\0")):
    os.ftruncate(f, size_)
    expect("after ftruncate", open(p, "rb").read(), want)
os.truncate(p, 1)
expect("after truncate", os.pread(f, 5, 0), b"a")

# What the host wrote before, and C's "a+".
with open(d + "/plus", "a+") as f:
    f.seek(0)
    expect("the host's line", f.read(), "host line\n")
    f.write("more\n")
    f.flush()
    f.write("again\n")
expect("a+", open(d + "/plus").read(), "host line\nmore\nagain\n")
print(tried, "tried")
