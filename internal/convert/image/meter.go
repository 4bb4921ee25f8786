package image

import (
	"io"
	"sync"
)

// meter tells a listener how far the reading of an image's layers has come. A
// nil meter has no listener.
type meter struct {
	mu                 sync.Mutex
	tell               func(done, total int64)
	done, total, heard int64
}

func newMeter(tell func(done, total int64)) *meter {
	if tell == nil {
		return nil
	}
	return &meter{tell: tell}
}

// expect adds to the total.
func (m *meter) expect(n int64) {
	if m != nil {
		m.total += n
	}
}

// add adds to what is done. It tells of each thousandth part.
func (m *meter) add(n int64) {
	if m == nil || n == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += n
	if m.done-m.heard > m.total/1000 || m.done >= m.total {
		m.heard = m.done
		m.tell(m.done, m.total)
	}
}

// metered counts what is read.
type metered struct {
	io.Reader
	m *meter
}

func (r *metered) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.m.add(int64(n))
	return n, err
}
