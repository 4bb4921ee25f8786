// Command picture draws docs/demo.svg, the README's picture, from docs/demo.json:
// the commands of a terminal session, what they printed and when. From the
// module's root, with c2w and wasmtime on the path:
//
//	go run ./docs/picture [-record DIR]
//
// -record first runs the commands again, in DIR, and keeps what they print. What is
// drawn is what was printed; pauses are cut to what a reader waits for, and the time
// that each command took stands behind it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// command is one of the session.
type command struct {
	Line   string  // as it is typed
	Took   float64 // seconds
	Output []piece
}

// piece is what was printed at once.
type piece struct {
	At   float64 // seconds since the command began
	Text string
}

func main() {
	record := flag.String("record", "", "run the commands again, in `DIR`")
	flag.Parse()
	if err := picture(*record); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

func picture(record string) error {
	name := filepath.Join("docs", "demo.json")
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var session []command
	if err := json.Unmarshal(text, &session); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	if record != "" {
		for i := range session {
			if err := session[i].run(record); err != nil {
				return fmt.Errorf("running %s: %w", session[i].Line, err)
			}
		}
		text, err := json.MarshalIndent(session, "", "\t")
		if err != nil {
			return err
		}
		if err := os.WriteFile(name, append(text, '\n'), 0o666); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join("docs", "demo.svg"), []byte(draw(session)), 0o666)
}

// run runs the command by a shell and keeps its output.
func (c *command) run(dir string) error {
	cmd := exec.Command("sh", "-c", c.Line)
	cmd.Dir = dir
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd.Stdout, cmd.Stderr = w, w
	begin := time.Now()
	seconds := func() float64 { return float64(time.Since(begin).Milliseconds()) / 1000 }
	err = cmd.Start()
	w.Close()
	if err != nil {
		return err
	}
	c.Output = nil
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			c.Output = append(c.Output, piece{seconds(), string(buf[:n])})
		}
		if err != nil {
			break
		}
	}
	err = cmd.Wait()
	c.Took = seconds()
	return err
}

// Sizes of the picture, in pixels, and times of its film, in seconds.
const (
	lineHeight = 19
	margin     = 20
	bar        = 34 // the window's
	columns    = 100
	charWidth  = 8.43 // of the font's size below
	typing     = 0.03 // a character
	longest    = 1.0  // pause
	rest       = 0.8  // between commands
)

// line is one of the screen, and when it appears.
type line struct {
	at           float64
	prompt, text string
	note         string
}

// film lays the session out in lines and time.
func film(session []command) []line {
	var lines []line
	now := rest
	for _, c := range session {
		prompt := line{at: now, prompt: "$ ", text: c.Line}
		prompt.note = fmt.Sprintf("%.1f s", c.Took)
		lines = append(lines, prompt)
		now += typing * float64(len(c.Line))
		last, unended := 0.0, false
		for _, p := range c.Output {
			now += min(p.At-last, longest)
			last = p.At
			for text := range strings.Lines(p.Text) {
				if unended {
					lines[len(lines)-1].text += strings.TrimSuffix(text, "\n")
				} else {
					lines = append(lines, line{at: now, text: strings.TrimSuffix(text, "\n")})
				}
				unended = !strings.HasSuffix(text, "\n")
			}
		}
		now += min(c.Took-last, longest) + rest
		lines = append(lines, line{at: now})
	}
	return lines[:len(lines)-1]
}

// draw returns the picture. Without animation, as where styles are not
// honoured or the reader wants less motion, it is the film's last frame.
func draw(session []command) string {
	var b strings.Builder
	lines := film(session)
	width := int(math.Ceil(columns*charWidth)) + 2*margin
	height := bar + len(lines)*lineHeight + 2*margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">`+"\n", width, height, width, height)
	b.WriteString(`<title>c2w converts a container image, and WASI hosts run the file</title>
<style>
text { font: 14px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #d7dce2; white-space: pre }
.prompt { fill: #7fb77e } .typed { fill: #ffffff } .note { fill: #7d8896; text-anchor: end }
@keyframes show { from { opacity: 0 } to { opacity: 1 } }
@media (prefers-reduced-motion: no-preference) { g { animation: show .12s linear backwards } }
</style>
<rect width="100%" height="100%" rx="8" fill="#1b2027"/>
<circle cx="20" cy="17" r="5" fill="#57606c"/><circle cx="38" cy="17" r="5" fill="#57606c"/><circle cx="56" cy="17" r="5" fill="#57606c"/>
`)
	for i, l := range lines {
		if l.text == "" && l.prompt == "" {
			continue
		}
		y := bar + margin + i*lineHeight
		fmt.Fprintf(&b, `<g style="animation-delay: %.2fs">`, l.at)
		class := ""
		if l.prompt != "" {
			class = ` class="typed"`
			fmt.Fprintf(&b, `<text class="note" x="%d" y="%d">%s</text>`, width-margin, y, html.EscapeString(l.note))
			fmt.Fprintf(&b, `<text class="prompt" x="%d" y="%d">%s</text>`, margin, y, html.EscapeString(l.prompt))
		}
		fmt.Fprintf(&b, `<text%s x="%.0f" y="%d" xml:space="preserve">%s</text></g>`+"\n",
			class, margin+charWidth*float64(len(l.prompt)), y, html.EscapeString(l.text))
	}
	b.WriteString("</svg>\n")
	return b.String()
}
