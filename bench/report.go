package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/c2w/c2w/bench/programs"
)

// report is everything measured; -json writes it as it is. Times are
// milliseconds, sizes bytes, lists in the order of the samples.
type report struct {
	Date        string       `json:"date"`
	Took        float64      `json:"took_s"`
	Host        hostInfo     `json:"host"`
	Scale       int          `json:"scale_percent"`
	Engines     []engineInfo `json:"engines"`
	Programs    []program    `json:"programs"`
	Processes   []process    `json:"processes"`
	Conversions []conversion `json:"conversions"`
	Compile     float64      `json:"wasmtime_compile_ms,omitempty"`
	Starts      []startInfo  `json:"starts"`
	Traffic     []*traffic   `json:"traffic,omitempty"`
	Real        *real        `json:"real,omitempty"`
	Libm        []*libmRow   `json:"libm,omitempty"`
	Cover       []coverage   `json:"coverage,omitempty"`
	Budget      *budgets     `json:"budgets,omitempty"`
	Profiles    []profile    `json:"profiles,omitempty"`
	Targets     []target     `json:"targets"`
	Faults      []string     `json:"faults"`

	libmSums []uint64 // what the first run of libm gave
}

type hostInfo struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
	CPU  string `json:"cpu"`
	CPUs int    `json:"cpus"`
}

type engineInfo struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Missing string `json:"missing,omitempty"`
}

type program struct {
	Name     string           `json:"name"`
	Kind     programs.Kind    `json:"kind"`
	Checksum string           `json:"checksum"`
	Runs     map[string]*runs `json:"runs"` // by engine
}

type runs struct {
	Times  []float64 `json:"ms"`
	Cannot string    `json:"cannot,omitempty"`
}

// process is one run of all programs under one engine.
type process struct {
	Engine   string  `json:"engine"`
	Wall     float64 `json:"wall_ms"`
	Programs float64 `json:"programs_ms"` // by the guest's clock
	MaxRSS   int64   `json:"max_rss,omitempty"`
}

type conversion struct {
	What   string    `json:"what"`
	Times  []float64 `json:"ms"`
	MaxRSS int64     `json:"max_rss,omitempty"`
	Bytes  int64     `json:"bytes"`
	Parts  []part    `json:"sections"`
	Said   string    `json:"output"`
}

// part is one section of the file.
type part struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

type startInfo struct {
	Engine      string               `json:"engine"`
	How         how                  `json:"how"`
	Stages      map[string][]float64 `json:"boot_ms"`
	FirstOutput []float64            `json:"first_output_ms"`
	Exit        []float64            `json:"exit_ms"`
	MaxRSS      int64                `json:"max_rss,omitempty"`
}

func describeHost() hostInfo {
	h := hostInfo{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU()}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return h
	}
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			h.CPU = strings.TrimSpace(value)
			break
		}
	}
	return h
}

// median of no samples is 0.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	return (s[len(s)/2] + s[(len(s)-1)/2]) / 2
}

// time is the median of p under the engine; 0: none.
func (p *program) time(engine string) float64 {
	if r := p.Runs[engine]; r != nil {
		return median(r.Times)
	}
	return 0
}

// sum adds the medians of the integer programs; 0 if one of them is missing
// or none was asked for.
func (rep *report) sum(engine string) float64 {
	var total float64
	for i := range rep.Programs {
		p := &rep.Programs[i]
		if p.Kind != programs.Integer {
			continue
		}
		t := p.time(engine)
		if t == 0 {
			return 0
		}
		total += t
	}
	return total
}

// verdict is an error if an engine failed or gave another answer. A missed
// target is no error: it is what the run was to find out.
func (rep *report) verdict() error {
	if len(rep.Faults) == 0 {
		return nil
	}
	return fmt.Errorf("%d faults, the first: %s", len(rep.Faults), rep.Faults[0])
}

func (rep *report) writeJSON(file string) error {
	b, err := json.MarshalIndent(rep, "", "  ")
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}

// sectionNames are the names of Wasm's sections by id (core specification
// 2.0, 5.5.2).
var sectionNames = []string{"custom", "type", "import", "function", "table", "memory", "global",
	"export", "start", "element", "code", "data", "data count"}

// sections returns the parts of a Wasm file; a custom section by its name.
func sections(file string) ([]part, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	parts, err := readSections(bufio.NewReader(f))
	if err != nil {
		return nil, fmt.Errorf("reading the sections of %s: %w", file, err)
	}
	return parts, nil
}

func readSections(r *bufio.Reader) ([]part, error) {
	head := make([]byte, 8)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	if string(head) != "\x00asm\x01\x00\x00\x00" {
		return nil, errors.New("not a Wasm module")
	}
	var parts []part
	for {
		id, err := r.ReadByte()
		if err == io.EOF {
			return parts, nil
		}
		if err != nil {
			return nil, err
		}
		size, err := binary.ReadUvarint(r)
		if err != nil {
			return nil, err
		}
		if int(id) >= len(sectionNames) || size > 1<<32 {
			return nil, fmt.Errorf("section %d of %d bytes", id, size)
		}
		name, rest := sectionNames[id], int64(size)
		if id == 0 {
			n, err := binary.ReadUvarint(r)
			if err != nil {
				return nil, err
			}
			if n > 256 || int64(n)+2 > rest+1 {
				return nil, fmt.Errorf("custom section with a name of %d bytes", n)
			}
			b := make([]byte, n)
			if _, err := io.ReadFull(r, b); err != nil {
				return nil, err
			}
			name = "custom " + string(b)
			rest -= int64(n) + int64(len(binary.AppendUvarint(nil, n)))
		}
		if rest < 0 {
			return nil, fmt.Errorf("section %q is longer than it says", name)
		}
		if _, err := io.CopyN(io.Discard, r, rest); err != nil {
			return nil, err
		}
		parts = append(parts, part{name, int64(size)})
	}
}
