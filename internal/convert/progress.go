package convert

import "time"

// Progress hears of the pipeline's stages, one after the other.
type Progress interface {
	Begin(stage string)
	// End comes when the stage has succeeded, with what it did.
	End(stage, detail string, took time.Duration)
}

// Meter is a Progress that also hears how many of the image's stored bytes have
// been read: done of total, 0 when that is not known. It may be called from
// another goroutine than Begin and End, at any time between the first and the
// last of them.
type Meter interface {
	Advance(done, total int64)
}

// meter returns p's Advance, or nil.
func meter(p Progress) func(done, total int64) {
	if m, ok := p.(Meter); ok {
		return m.Advance
	}
	return nil
}

type silent struct{}

func (silent) Begin(string)                      {}
func (silent) End(string, string, time.Duration) {}
