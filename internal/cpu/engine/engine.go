// Package engine runs one hart: it decodes guest code into interpreter
// records, binds translations to code pages, fills the TLB, executes single
// instructions in Go, and handles the exits of generated code. It knows no
// guest ISA, no device and no host.
package engine

import (
	"github.com/c2w/c2w/internal/cpu/abi"
	"github.com/c2w/c2w/internal/cpu/core"
	"github.com/c2w/c2w/internal/cpu/ir"
	"github.com/c2w/c2w/internal/cpu/isa"
	"github.com/c2w/c2w/internal/cpu/mem"
)

// Platform is the rest of the machine as the engine sees it.
type Platform interface {
	// MMIORead and MMIOWrite access a device register; ok is false if there is
	// none at that guest-physical address.
	MMIORead(pa uint64, size int) (v uint64, ok bool)
	MMIOWrite(pa uint64, size int, v uint64) (ok bool)
	Ticks() uint64
	SetTimer(at uint64)
	// Wait is called when the guest idles. It need not wait itself; Engine.Run
	// returns.
	Wait()
}

// Config is what an engine is made of.
type Config struct {
	ISA      isa.ISA
	Hart     *core.Hart
	RAM      *mem.RAM
	Records  Records // memory for interpreter records
	Platform Platform
	// NewHart makes the privileged side.
	NewHart func(*core.State, isa.Env) isa.Hart
	// Run calls the core's run function. Nil executes every instruction in Go,
	// which is slow and the reference.
	Run func()
	// Bindings are the translations that the core holds.
	Bindings *Bindings
	// BindAfter is how many instructions of a page are executed, about, before its
	// translation is bound; 0 binds with the first. It is for hosts that compile
	// functions while they run: see heat.
	BindAfter int
	// Clock, if set, is read at every exit, in nanoseconds, for Stats' times.
	Clock func() int64
	// Profile, if set, collects what runs. The engine then looks at the hart
	// more often.
	Profile *Profile
}

// Stats counts events since the start.
type Stats struct {
	Exits   [core.NumExits]uint64
	Single  uint64 // instructions that Go executed
	Faults  uint64 // exceptions that Go raised; they count as instructions
	Fills   uint64 // TLB fills
	Lookups uint64 // jump-cache fills
	Refills uint64 // jump-cache entries filled with a page's first one
	Runs    uint64 // decoded runs of code
	Decoded uint64 // decoded instructions
	Dropped uint64 // code pages dropped because they were written
	Bound   uint64 // pages bound to a translation
	Unbound [NumCauses]uint64
	Flushed uint64 // times that the record memory was full
	// Fences: of everything, of an address space, of a page.
	FlushAll, FlushSpace, FlushPage uint64

	// Nanoseconds in generated code, and in Go for each exit; with Clock.
	Core int64
	Go   [core.NumExits]int64
}

// Instructions says who executed how many.
type Instructions struct{ Pages, Interpreter, Go uint64 }

// Instructions counts them since the start.
func (e *Engine) Instructions() Instructions {
	n := Instructions{Interpreter: e.S.Interpreted, Go: e.Stats.Single + e.Stats.Faults}
	n.Pages = e.S.Retired - n.Interpreter - n.Go
	return n
}

// Engine is one hart's engine.
type Engine struct {
	Config
	S     *core.State
	Priv  isa.Hart
	TLB   *mem.TLB
	Stats Stats

	handlers *abi.Handlers
	forms    []isa.FormInfo
	maxLen   int // ISA.MaxLen
	code     codeCache
	jump     jumpCache
	eval     ir.Evaluator
	lifted   []liftedInsn
	builder  ir.Builder
	stop     bool
	counted  int32 // State.Budget up to which State.Retired counts
	resume   resume
	heat     heat
}

// New makes an engine with empty caches.
func New(c Config) *Engine {
	e := &Engine{Config: c, S: c.Hart.State, handlers: abi.NewHandlers(c.ISA), forms: c.ISA.Forms(), maxLen: c.ISA.MaxLen()}
	e.TLB = mem.NewTLB(c.Hart, c.RAM)
	e.jump.init(c.Hart)
	e.code.init(e)
	e.lifted = make([]liftedInsn, liftedEntries)
	e.S.Resv = core.NoResv
	e.resume = resume{pc: noPC, stray: noPC}
	e.heat.init()
	e.Priv = c.NewHart(e.S, e)
	return e
}

// Stop makes Run return after the current instruction.
func (e *Engine) Stop() { e.stop = true }

// slice is how many instructions run between two looks at the clock: some
// 30 µs, short enough for V8 to replace the loop by optimised code early.
const slice = 10_000

// Run executes at least one instruction and about n, fewer when the guest
// stops or idles. It returns the number executed.
func (e *Engine) Run(n int) (done int) {
	e.stop = false
	for done < n && !e.stop {
		k := min(n-done, slice)
		if e.Profile != nil {
			k = min(k, e.Profile.random.around(sampleEvery))
		}
		if e.BindAfter > 0 {
			k = min(k, e.heat.left)
		}
		ran := e.slice(k)
		if done += ran; e.BindAfter > 0 {
			e.warm(ran)
		}
	}
	return done
}

// slice runs up to k instructions. Generated code looks at the budget only
// where a branch is taken or a page is left, so that straight-line code
// overdraws it by what follows the last branch; the count is exact.
func (e *Engine) slice(k int) int {
	e.S.Budget, e.counted = int32(k), int32(k)
	for e.S.Budget > 0 && !e.stop {
		if e.S.IRQ != 0 && e.Priv.Interrupt() {
			e.resume.pc = noPC // the handler is an entry
		}
		if e.Config.Run == nil {
			e.Single()
			continue
		}
		begin := e.now()
		e.Config.Run()
		exit, end := e.S.Exit, e.now()
		e.Stats.Exits[exit]++
		e.Stats.Core += end - begin
		if e.Profile != nil {
			e.forget()
		}
		switch exit {
		case core.ExitBudget:
			if e.Profile != nil {
				e.sample()
			}
		case core.ExitIRQ:
		case core.ExitMiss:
			// A walk notes the access in the page tables: not before the
			// instruction executes.
			if e.S.Budget > 0 {
				e.miss()
			}
		case core.ExitSingle:
			e.Single()
		case core.ExitLookup, core.ExitDecode:
			e.Lookup()
		default:
			panic("BUG: engine: exit " + exit.String())
		}
		if e.Profile != nil {
			e.exited(exit)
		}
		e.Stats.Go[exit] += e.now() - end
	}
	e.S.Retired = e.Retired()
	e.counted = e.S.Budget
	return k - int(e.S.Budget)
}

// now is the time, 0 if nobody wants it.
func (e *Engine) now() int64 {
	if e.Clock == nil {
		return 0
	}
	return e.Clock()
}

// raise delivers a fault. It counts as an instruction: a guest whose trap
// handler cannot be fetched must not keep the machine in a slice for ever.
func (e *Engine) raise(f *isa.Fault) {
	e.Priv.Raise(f)
	e.Stats.Faults++
	e.S.Budget--
	e.resume.trapped = true
}

// miss handles an access that the TLB did not have.
func (e *Engine) miss() {
	va, kind := e.S.ExitAddr, e.S.ExitKind
	size, access := 1<<(kind&core.KindSize), isa.AccessRead
	if kind&core.KindWrite != 0 {
		access = isa.AccessWrite
	}
	mode := int(e.S.Mode)
	m, f := e.Priv.Translate(va, access)
	if f != nil {
		e.raise(f)
		return
	}
	frame, ram := e.RAM.Frame(m.Phys)
	if !ram {
		e.Single()
		return
	}
	if access == isa.AccessWrite {
		if e.code.has(frame) && !e.code.yield(frame, m.Phys) {
			e.Single() // Go's store looks at what it overwrites
			return
		}
		e.TLB.Fill(mode, core.WriteTLB, va, m.Phys, m.Global)
	} else {
		e.TLB.Fill(mode, core.ReadTLB, va, m.Phys, m.Global)
		if m.Write && !e.code.has(frame) {
			e.TLB.Fill(mode, core.WriteTLB, va, m.Phys, m.Global)
		}
	}
	e.Stats.Fills++
	if !e.TLB.Hits(mode, va, size, access == isa.AccessWrite) {
		e.Single() // not naturally aligned
	}
}

// Lookup enters State.PC into the jump cache, decoding its code if needed.
func (e *Engine) Lookup() {
	pc, mode := e.S.PC, core.CodeMode(e.S.Mode)
	frame, global, f := e.codeFrame(pc)
	if f != nil {
		e.raise(f)
		return
	}
	if e.Profile != nil {
		e.enterAt(frame)
	}
	rec, target := e.code.find(frame, pc)
	s := &e.jump.sets[mode]
	p := s.add(pc, frame, global)
	s.fill(p, pc, rec, target)
	if code := e.code.page(frame); code != nil && code.bound != nil {
		s.link(p, code.bound.Slot)
	}
	e.Stats.Lookups++
	// The code may be gone: a walk for its second half wrote to it.
	if code := e.code.page(frame); !p.filled && code != nil && e.Profile == nil {
		p.filled = true
		e.refill(s, p, code)
	}
}

// refill enters the targets of jumps that are known from other address spaces
// and times, where there is room.
func (e *Engine) refill(s *jumpSet, p *jumpPage, code *codePage) {
	base := ^p.page << core.PageShift
	var entries []uint16
	slot := uint32(0)
	if code.bound != nil {
		entries, slot = code.bound.Entries, code.bound.Slot
	}
	n := 0 // entries at lower offsets
	e.code.eachKnown(code, func(off int) {
		for n < len(entries) && int(entries[n]) < off {
			n++
		}
		target := uint32(0)
		if n < len(entries) && int(entries[n]) == off {
			target = core.Target(slot, uint32(n))
		}
		if s.offer(p, base+uint64(off), e.code.decoded(code, off), target) {
			e.Stats.Refills++
		}
	})
}
