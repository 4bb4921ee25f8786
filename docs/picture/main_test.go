package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func TestFilm(t *testing.T) {
	lines := film([]command{
		{Line: "one", Took: 60, Output: []piece{{1, "a\nb"}, {59, "c\n"}}},
		{Line: "two <", Took: 0.1},
	})
	var text []string
	for i, l := range lines {
		text = append(text, l.prompt+l.text)
		if i > 0 && l.at < lines[i-1].at {
			t.Errorf("line %d appears at %.2f, before the line above", i, l.at)
		}
	}
	if got, want := strings.Join(text, "|"), "$ one|a|bc||$ two <"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if end := lines[len(lines)-1].at; end > 10 {
		t.Errorf("a reader waits %.1f s", end)
	}
}

// TestFresh compares the committed picture with what is drawn of the recording,
// whose lines fit into it.
func TestFresh(t *testing.T) {
	text, err := os.ReadFile("../demo.json")
	if err != nil {
		t.Fatal(err)
	}
	var session []command
	if err := json.Unmarshal(text, &session); err != nil {
		t.Fatal(err)
	}
	for _, l := range film(session) {
		if n := len(l.prompt + l.text + " " + l.note); n > columns {
			t.Errorf("%d columns: %s", n, l.text)
		}
	}
	want, err := os.ReadFile("../demo.svg")
	if err != nil || draw(session) != string(want) {
		t.Errorf("docs/demo.svg is not of docs/demo.json (%v): go run ./docs/picture", err)
	}
}
