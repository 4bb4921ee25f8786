// Command hunt does a long random sequence of file operations in two
// directories at once, and compares each result: return values, errors, sizes,
// bytes. One of them is what is tested, the other a file system that is known
// to be right. Several processes take turns, and share open files and mappings;
// the sequence follows from a seed.
//
//	hunt DIR MODEL SEED STEPS [host]   in turns
//	hunt storm DIR SEED ROUNDS         all processes at the same time
//	hunt stored FILE                   stores into a mapping, and waits
//
// With host, somebody on standard input and output changes and reads DIR's
// files from outside: a line "host OPERATION NAME ..." asks for it, and any line
// is the answer. At the end each file is told as a line "file NAME SIZE SHA256",
// then "done".
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	switch {
	case len(os.Args) == 4 && os.Args[1] == "worker":
		work(os.Args[2], os.Args[3])
	case len(os.Args) == 3 && os.Args[1] == "stored":
		stored(os.Args[2])
	case len(os.Args) == 5 && os.Args[1] == "storm":
		storm(os.Args[2], number(os.Args[3]), number(os.Args[4]))
	case len(os.Args) >= 5:
		h := &hunt{dir: os.Args[1], model: os.Args[2], r: rand.New(rand.NewSource(number(os.Args[3])))}
		if len(os.Args) > 5 && os.Args[5] == "host" {
			h.host = bufio.NewReader(os.Stdin)
		}
		h.run(number(os.Args[4]))
	default:
		fail("usage: hunt DIR MODEL SEED STEPS [host] | hunt storm DIR SEED ROUNDS")
	}
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	check(err)
	return n
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func fail(what ...any) {
	fmt.Println(append([]any{"hunt:"}, what...)...)
	os.Exit(1)
}

const (
	workers = 3
	slots   = 5 // of each worker: open files, and a mapping of each
	history = 40
)

// names that files and directories have: few, so that they meet.
var names = []string{"a", "b", "c", "d/a", "d/b", "e/a", "d", "e"}

// hunt is the process that says what happens.
type hunt struct {
	dir, model string
	r          *rand.Rand
	w          [workers]*worker
	host       *bufio.Reader // what the host answers; nil without it
	last       []string      // the operations before
}

type worker struct {
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Reader
}

func (h *hunt) start(i int) {
	self, err := os.Executable()
	check(err)
	cmd := exec.Command(self, "worker", h.dir, h.model)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	check(err)
	out, err := cmd.StdoutPipe()
	check(err)
	check(cmd.Start())
	h.w[i] = &worker{cmd, in, bufio.NewReader(out)}
}

// op is an operation as it is sent to a worker.
type op struct {
	Kind, Step             int64
	Slot, Name, Name2      int64
	Flags, Off, Len, Other int64
}

func (h *hunt) do(i int, o *op) string {
	check(binary.Write(h.w[i].in, binary.LittleEndian, o))
	line, err := h.w[i].out.ReadString('\n')
	if err != nil {
		h.report("worker %d has gone at %s: %v", i, o, err)
	}
	line = strings.TrimSuffix(line, "\n")
	if line == "" {
		return ""
	}
	h.last = append(h.last, fmt.Sprintf("%d worker %d: %s: %s", o.Step, i, o, line))
	if len(h.last) > history {
		h.last = h.last[1:]
	}
	if rest, bad := strings.CutPrefix(line, "DIFFERS "); bad {
		h.report("%s", rest)
	}
	return line
}

func (h *hunt) report(format string, args ...any) {
	for _, l := range h.last {
		fmt.Println(" ", l)
	}
	fail(fmt.Sprintf(format, args...))
}

func (h *hunt) run(steps int64) {
	for _, d := range []string{h.dir, h.model} {
		check(os.MkdirAll(d+"/d", 0o777))
		check(os.MkdirAll(d+"/e", 0o777))
	}
	for i := range h.w {
		h.start(i)
	}
	for step := range steps {
		if h.host != nil && h.r.Intn(25) == 0 {
			h.outside(step)
			continue
		}
		i := h.r.Intn(workers)
		o := h.next(step)
		if o.Kind == opTake { // a file that another worker has open
			other := h.r.Intn(workers)
			o.Other = int64(h.w[other].cmd.Process.Pid)
			o.Flags, o.Off = h.has(other, o.Name2)
		}
		if o.Kind == opDie {
			h.last = append(h.last, fmt.Sprintf("%d worker %d: ends", step, i))
			h.w[i].in.(io.Closer).Close()
			check(h.w[i].cmd.Wait())
			h.start(i)
			continue
		}
		h.do(i, o)
	}
	for i := range h.w {
		h.w[i].in.(io.Closer).Close()
		check(h.w[i].cmd.Wait())
	}
	h.tell()
}

// has asks a worker for the numbers of its two descriptors.
func (h *hunt) has(i int, slot int64) (a, b int64) {
	line := h.do(i, &op{Kind: opWhich, Slot: slot})
	fmt.Sscanf(line, "%d %d", &a, &b)
	return a, b
}

// next makes up an operation.
func (h *hunt) next(step int64) *op {
	r := h.r
	o := &op{Step: step, Slot: int64(r.Intn(slots)), Name: int64(r.Intn(len(names))), Name2: int64(r.Intn(len(names)))}
	o.Off, o.Len = position(r), length(r)
	sum := 0
	for _, w := range weights {
		sum += w.weight
	}
	n := r.Intn(sum)
	for _, w := range weights {
		if n -= w.weight; n < 0 {
			o.Kind = int64(w.kind)
			break
		}
	}
	o.Flags = r.Int63n(1 << 20)
	if o.Kind == opTake {
		o.Name2 = int64(r.Intn(slots))
	}
	return o
}

// position in a file: mostly near the beginning and near pages' borders.
func position(r *rand.Rand) int64 {
	switch r.Intn(6) {
	case 0:
		return 0
	case 1:
		return r.Int63n(300_000)
	case 2:
		return r.Int63n(8)*4096 + r.Int63n(9) - min(4, r.Int63n(5))
	}
	return r.Int63n(9000)
}

func length(r *rand.Rand) int64 {
	switch r.Intn(12) {
	case 0:
		return r.Int63n(200_000)
	case 1:
		return 4096 * r.Int63n(4)
	case 2, 3:
		return r.Int63n(10_000)
	}
	return r.Int63n(200)
}

// ask has the host do something.
func (h *hunt) ask(step int64, what ...any) string {
	text := fmt.Sprintln(append([]any{"host"}, what...)...)
	h.last = append(h.last, fmt.Sprintf("%d %s", step, text))
	fmt.Print(text)
	line, err := h.host.ReadString('\n')
	if err != nil {
		h.report("the host does not answer: %v", err)
	}
	return strings.TrimSpace(line)
}

// outside has the host look at a file or change it, where it is defined what
// then is right.
func (h *hunt) outside(step int64) {
	for i := range h.w { // what mappings stored is on the host after msync(2)
		h.do(i, &op{Kind: opSyncAll, Step: step})
	}
	name := names[h.r.Intn(6)]
	path := filepath.Join(h.model, name)
	if h.r.Intn(3) > 0 { // what was written is there at once
		want := "none"
		if b, err := os.ReadFile(path); err == nil {
			want = digest(b)
		}
		if got := h.ask(step, "hash", name); got != want {
			h.report("the host has %s as %s, want %s", name, got, want)
		}
		return
	}
	// What the host appends lies before what is appended next, whatever
	// descriptors are open.
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
		return
	}
	text := fmt.Sprintf("<host %d>", step)
	h.ask(step, "append", name, strconv.Quote(text))
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	check(err)
	f.WriteString(text)
	f.Close()
	for i := range h.w { // each that has it open for appending
		for s := range int64(slots) {
			h.do(i, &op{Kind: opAppendIf, Step: step, Slot: s, Name: int64(indexOf(name)), Len: 30})
		}
	}
	// A descriptor that only looks learns of it when somebody asks the host.
	h.do(0, &op{Kind: opAppendNow, Step: step, Name: int64(indexOf(name)), Len: 30})
}

func indexOf(name string) int {
	for i, n := range names {
		if n == name {
			return i
		}
	}
	panic(name)
}

func digest(b []byte) string { return fmt.Sprintf("%d %x", len(b), sha256.Sum256(b)) }

// tell compares the two trees, and tells the host what there should be.
func (h *hunt) tell() {
	found := map[string]string{}
	look := func(root string, see func(name, what string)) {
		check(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			check(err)
			name, _ := filepath.Rel(root, path)
			what := "directory"
			if !d.IsDir() {
				b, err := os.ReadFile(path)
				check(err)
				what = digest(b)
			}
			see(name, what)
			return nil
		}))
	}
	look(h.model, func(name, what string) { found[name] = what })
	look(h.dir, func(name, what string) {
		if found[name] != what {
			h.report("at the end %s is %s, want %q", name, what, found[name])
		}
		delete(found, name)
		if what != "directory" {
			fmt.Println("file", name, what)
		}
	})
	if len(found) > 0 {
		h.report("at the end there is no %v", found)
	}
	fmt.Println("done")
}

// stored stores into a mapping of a file and says so, waits for a line, and
// writes to another file. It stays until it is ended.
func stored(path string) {
	check(os.WriteFile(path, make([]byte, 10_000), 0o666))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	check(err)
	m, err := syscall.Mmap(int(f.Fd()), 0, 10_000, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	check(err)
	copy(m, "stored into a mapping")
	fmt.Println("stored")
	bufio.NewReader(os.Stdin).ReadString('\n')
	check(os.WriteFile(path+".log", []byte("written\n"), 0o666))
	fmt.Println("written")
	time.Sleep(1 << 62)
}
