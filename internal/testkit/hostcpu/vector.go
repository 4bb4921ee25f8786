package hostcpu

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Vector is a case with its right result, as text:
//
//	name  shl by cl
//	needs bmi2
//	mode  32
//	start 17
//	code  48d3e0
//	in    rax=1 rcx=3
//	out   rax=8 flags=202
//	stop  #PF err=6 addr=10023000
//	undefined of af
//
// Lines whose content is empty or the usual are left out: no needs, 64-bit mode,
// start 0, nothing changed, stopped by its end, nothing undefined. In is what
// differs from Start(start), out what differs from that; RIP moves to the
// sequence's end without being mentioned if that is reached.
type Vector struct {
	Name      string
	Needs     []string // features, as Features has them
	Compat    bool
	Start     uint64
	Code      []byte
	In, Out   string // as Changes prints them
	Stop      string // as Stop prints itself; empty for "end"
	Undefined Ignore
}

// Freeze makes a vector of a case and its result. Only a sequence that came to
// its end or faulted has a result to keep.
func Freeze(name string, needs []string, start uint64, c *Case, r *Result, undefined Ignore) (Vector, error) {
	v := Vector{Name: name, Needs: needs, Compat: c.Compat, Start: start, Code: c.Code, Undefined: undefined}
	from := Start(start)
	v.In = Changes(&from, &c.Start)
	switch {
	case r.Stop.Reason == Ended:
	case r.Stop.Reason == Faulted && r.Stop.Vector != Unknown && r.Stop.Err != Unknown:
		v.Stop = r.Stop.String()
	default:
		return v, fmt.Errorf("%s: a result that stopped with %v is not one to keep", name, r.Stop)
	}
	base := v.base(c)
	v.Out = Changes(&base, &r.State)
	return v, nil
}

// base is what Out is the difference from.
func (v *Vector) base(c *Case) State {
	s := c.Start.Clone()
	if v.Stop == "" {
		s.RIP = c.End()
	}
	return s
}

// Case is what is to be run.
func (v *Vector) Case() (Case, error) {
	c := Case{Start: Start(v.Start), Code: v.Code, Compat: v.Compat}
	if err := c.Start.Apply(v.In); err != nil {
		return c, fmt.Errorf("in: %w", err)
	}
	return c, c.Validate()
}

// Want is the result that the vector demands.
func (v *Vector) Want() (Result, error) {
	c, err := v.Case()
	if err != nil {
		return Result{}, err
	}
	r := Result{State: v.base(&c)}
	if err := r.Apply(v.Out); err != nil {
		return r, fmt.Errorf("out: %w", err)
	}
	r.Stop, err = parseStop(v.Stop)
	return r, err
}

// Check describes how a result is wrong, as Diff does.
func (v *Vector) Check(got *Result) ([]string, error) {
	want, err := v.Want()
	if err != nil {
		return nil, err
	}
	return Diff(got, &want, v.Undefined), nil
}

// parseStop reads what Stop.String prints of an end or an exception.
func parseStop(text string) (t Stop, err error) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return t, nil
	}
	t = Stop{Reason: Faulted, Vector: Unknown}
	for i, name := range vectors {
		if name == words[0] {
			t.Vector = i
		}
	}
	if t.Vector == Unknown {
		return t, fmt.Errorf("stop: there is no exception %q", words[0])
	}
	for _, w := range words[1:] {
		name, digits, _ := strings.Cut(w, "=")
		n, err := strconv.ParseUint(digits, 16, 64)
		switch {
		case err != nil:
			return t, fmt.Errorf("stop: %w", err)
		case name == "err":
			t.Err = int(n)
		case name == "addr":
			t.Addr = n
		default:
			return t, fmt.Errorf("stop: there is no %q", name)
		}
	}
	return t, nil
}

// String is the vector as text, without the empty line that separates it from
// the next.
func (v Vector) String() string {
	var b strings.Builder
	line := func(key, content string) {
		if content != "" {
			fmt.Fprintf(&b, "%s %s\n", key, content)
		}
	}
	line("name", v.Name)
	line("needs", strings.Join(v.Needs, " "))
	if v.Compat {
		line("mode", "32")
	}
	if v.Start != 0 {
		line("start", strconv.FormatUint(v.Start, 10))
	}
	line("code", hex.EncodeToString(v.Code))
	line("in", v.In)
	line("out", v.Out)
	line("stop", v.Stop)
	line("undefined", v.Undefined.String())
	return b.String()
}

// ParseVectors reads vectors, which are separated by empty lines; lines that
// begin with # are comments. Every vector has a name of its own.
func ParseVectors(text string) ([]Vector, error) {
	var list []Vector
	names := map[string]bool{}
	var v Vector
	var seen map[string]bool
	for i, line := range strings.Split(text+"\n", "\n") {
		fail := func(err error) ([]Vector, error) { return nil, fmt.Errorf("line %d: %w", i+1, err) }
		if strings.HasPrefix(line, "#") {
			continue
		}
		if strings.TrimSpace(line) == "" {
			if seen != nil {
				if _, err := v.Want(); err != nil {
					return fail(fmt.Errorf("%s: %w", v.Name, err))
				}
				if v.Name == "" || names[v.Name] {
					return fail(fmt.Errorf("no name, or the second vector of name %q", v.Name))
				}
				names[v.Name] = true
				list = append(list, v)
			}
			v, seen = Vector{}, nil
			continue
		}
		key, content, _ := strings.Cut(line, " ")
		content = strings.TrimSpace(content)
		if seen[key] {
			return fail(fmt.Errorf("%s twice", key))
		}
		if seen == nil {
			seen = map[string]bool{}
		}
		seen[key] = true
		if err := v.put(key, content); err != nil {
			return fail(fmt.Errorf("%s: %w", key, err))
		}
	}
	return list, nil
}

func (v *Vector) put(key, content string) (err error) {
	switch key {
	case "name":
		v.Name = content
	case "needs":
		v.Needs = strings.Fields(content)
	case "mode":
		if content != "32" {
			err = fmt.Errorf("there is no mode %q", content)
		}
		v.Compat = true
	case "start":
		v.Start, err = strconv.ParseUint(content, 10, 64)
	case "code":
		v.Code, err = hex.DecodeString(content)
	case "in":
		v.In = content
	case "out":
		v.Out = content
	case "stop":
		v.Stop = content
	case "undefined":
		v.Undefined, err = ParseIgnore(content)
	default:
		err = fmt.Errorf("there is no such line")
	}
	return err
}
