// Package licenses says whose work c2w and the files that it makes contain,
// with the licences' texts. Its list and the texts of Go modules are written by
// gen, and a test shows that they are of the modules in use.
package licenses

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
)

// Work is somebody else's work in c2w.
type Work struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// License is an SPDX expression.
	License string `json:"license"`
	// Source says where the source is.
	Source string `json:"source"`
	// In says where the work is: In.
	In []string `json:"in"`
	// Files are the texts, in texts/.
	Files []string `json:"files"`
}

// The places of a Work.
const (
	InProgram = "c2w"            // the c2w program itself
	InFile    = "every file"     // each file that c2w makes
	InDemo    = "the demo image" // the built-in image
)

//go:embed list.json texts
var data embed.FS

// List returns the works, those in every file first.
func List() ([]Work, error) {
	b, err := data.ReadFile("list.json")
	if err != nil {
		return nil, err
	}
	var list []Work
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, fmt.Errorf("reading the list of licences: %w", err)
	}
	return list, nil
}

// Text returns one of a work's texts.
func Text(file string) (string, error) {
	b, err := data.ReadFile(path.Join("texts", file))
	return string(b), err
}
