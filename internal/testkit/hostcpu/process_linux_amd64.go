package hostcpu

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

var errDeadline = os.ErrDeadlineExceeded

// child is a process that executes child_linux_amd64.go's program.
type child struct {
	pid    int
	share  []byte // the memory that both see
	labels map[string]int

	// Pipes of a process that is not traced.
	goOn, done *os.File

	bound time.Duration // of a traced process
}

// word and set access the control page. The other side is idle, or changes
// nothing but what it is asked for.
func (c *child) word(at int) uint64   { return le.Uint64(c.share[at:]) }
func (c *child) set(at int, v uint64) { le.PutUint64(c.share[at:], v) }

// startBatch starts a process that waits for batches.
func startBatch(flags uint64, bound time.Duration) (*child, error) {
	goRead, goWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer goRead.Close()
	doneRead, doneWrite, err := os.Pipe()
	if err != nil {
		goWrite.Close()
		return nil, err
	}
	defer doneWrite.Close()
	c := &child{goOn: goWrite, done: doneRead}
	if err := c.start([]uintptr{goRead.Fd(), doneWrite.Fd()}, flags, bound, false); err != nil {
		c.close()
		return nil, err
	}
	doneWrite.Close()
	if err := c.await(); err != nil {
		why := c.reap()
		c.close()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: %s", ErrNotHere, why)
		}
		return nil, fmt.Errorf("starting the process that executes sequences: %w (%s)", err, why)
	}
	return c, nil
}

// start starts the program with the first file descriptors given, and does not
// wait for it.
func (c *child) start(files []uintptr, flags uint64, bound time.Duration, traced bool) error {
	code, labels := program()
	image := elf(code)
	if len(image) > PageSize {
		panic("BUG: the program is larger than the page that may make system calls")
	}
	c.labels = labels
	exe, err := memfd("hostcpu-program", true)
	if err != nil {
		return fmt.Errorf("%w: memfd_create: %w", ErrNotHere, err)
	}
	defer exe.Close()
	if _, err := exe.Write(image); err != nil {
		return err
	}
	mem, err := memfd("hostcpu-memory", false)
	if err != nil {
		return fmt.Errorf("%w: memfd_create: %w", ErrNotHere, err)
	}
	defer mem.Close()
	if err := mem.Truncate(shareSize); err != nil {
		return err
	}
	if c.share, err = unix.Mmap(int(mem.Fd()), 0, shareSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return err
	}
	prepare(c.share, labels, flags, bound)
	const none = ^uintptr(0)
	for len(files) < fdShare {
		files = append(files, none)
	}
	c.pid, err = syscall.ForkExec(fmt.Sprintf("/proc/self/fd/%d", exe.Fd()), []string{"hostcpu"}, &syscall.ProcAttr{
		Files: append(files, mem.Fd()),
		Sys:   &syscall.SysProcAttr{Ptrace: traced, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		c.pid = 0
		return fmt.Errorf("%w: starting a program in a memfd (ptrace: %v): %w", ErrNotHere, traced, err)
	}
	return nil
}

// memfd is a file in memory whose descriptor is none that the child's own ones
// take the place of.
func memfd(name string, executable bool) (*os.File, error) {
	flags := unix.MFD_CLOEXEC
	if executable {
		flags |= unix.MFD_EXEC
	}
	fd, err := unix.MemfdCreate(name, flags)
	if err == unix.EINVAL && executable { // Linux before 6.3
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	}
	if err != nil {
		return nil, err
	}
	high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 16)
	unix.Close(fd)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(high), name), nil
}

// wait waits for the process to stop or end.
func (c *child) wait() (unix.WaitStatus, error) {
	var ws unix.WaitStatus
	for {
		_, err := unix.Wait4(c.pid, &ws, 0, nil)
		if err != unix.EINTR {
			return ws, err
		}
	}
}

// reap ends the process and says how it ended.
func (c *child) reap() string {
	if c.pid == 0 {
		return "it was never started"
	}
	unix.Kill(c.pid, unix.SIGKILL) // nothing if it has ended
	ws, err := c.wait()
	for err == nil && !ws.Exited() && !ws.Signaled() {
		ws, err = c.wait()
	}
	c.pid = 0
	return c.describe(ws, err)
}

func (c *child) describe(ws unix.WaitStatus, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case ws.Signaled():
		return "it was killed by " + ws.Signal().String()
	}
	status := ws.ExitStatus()
	if i := status - bootMap; i >= 0 && i < len(mappings) {
		return fmt.Sprintf("mapping memory at %#x was refused", mappings[i].addr)
	}
	if step, ok := bootSteps[status]; ok {
		return fmt.Sprintf("%s: %v", step, unix.Errno(-c.word(ctlDone)))
	}
	return fmt.Sprintf("it exited with status %d", status)
}

func (c *child) close() {
	if c.goOn != nil {
		c.goOn.Close()
		c.done.Close()
	}
	if c.share != nil {
		unix.Munmap(c.share)
		c.share = nil
	}
}

// kill ends the process and gives back what was used for it.
func (c *child) kill() {
	c.reap()
	c.close()
}
