package e2e

import (
	"strings"
	"testing"
)

// database uses what data bases ask of a file system: locks among processes,
// files that are mapped for writing, and sqlite with both of its journals.
const database = `
import fcntl, mmap, os, sqlite3
for mode in "delete", "wal":
    with sqlite3.connect(mode + ".db") as c:
        print(c.execute("pragma journal_mode=" + mode).fetchone()[0])
        c.execute("create table t(a)")
        c.executemany("insert into t values(?)", [(i,) for i in range(1000)])
    print(sqlite3.connect(mode + ".db").execute("select sum(a) from t").fetchone()[0])
with open("mapped", "w+b") as f:
    f.truncate(8192)
    with mmap.mmap(f.fileno(), 8192) as m:
        m[5000:5005] = b"hello"
print(open("mapped", "rb").read()[5000:5005].decode(), flush=True)
f = open("lock", "w")
fcntl.lockf(f, fcntl.LOCK_EX)
if os.fork() == 0:
    try:
        fcntl.lockf(open("lock", "w"), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("locked", flush=True)
    os._exit(0)
os.wait()
`

func TestDatabase(t *testing.T) {
	slow(t)
	file := convert(t, debian(t))
	onEach(t, engines, func(t *testing.T, e *engine) {
		if e.basic {
			t.Skip("not on slow engines")
		}
		d := hostDir(t, e, "/data")
		v := sh("cd /data && exec python3 -c '" + database + "'")
		v.file, v.dirs = file, []dir{d}
		r := run(t, e, &v, strings.NewReader(""))
		if want := "delete\n499500\nwal\n499500\nhello\nlocked\n"; r.stdout != want || r.status != 0 {
			t.Errorf("stdout %q, stderr %q, status %d", r.stdout, r.stderr, r.status)
		}
	})
}
