package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// groupAnnotation names the heading under which a flag's help stands.
const groupAnnotation = "c2w-group"

// addGroup registers flags under a heading of their own in the help.
func addGroup(fs *pflag.FlagSet, heading string, register func(*pflag.FlagSet)) {
	before := map[string]bool{}
	fs.VisitAll(func(f *pflag.Flag) { before[f.Name] = true })
	register(fs)
	fs.VisitAll(func(f *pflag.Flag) {
		if !before[f.Name] {
			fs.SetAnnotation(f.Name, groupAnnotation, []string{heading})
		}
	})
}

// showHelp prints a command's help: what it does, its usage, examples,
// subcommands and flags.
func showHelp(w io.Writer, cmd *cobra.Command) {
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	fmt.Fprintf(w, "%s\n\nUsage:\n", strings.Trim(text, "\n"))
	for _, line := range usageLines(cmd) {
		fmt.Fprintf(w, "  %s\n", line)
	}
	if cmd.Example != "" {
		fmt.Fprintf(w, "\nExamples:\n%s\n", indent(cmd.Example))
	}
	width := 0
	for _, c := range cmd.Commands() {
		width = max(width, len(c.Name()))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprint(w, "\nCommands:\n")
	}
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			fmt.Fprintf(w, "  %-*s  %s\n", width, c.Name(), c.Short)
		}
	}
	showFlags(w, cmd.Flags())
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n%s COMMAND --help says more about a command.\n", cmd.CommandPath())
	}
	if !cmd.HasParent() {
		fmt.Fprint(w, "To convert an image whose name is a command's, put -- before it: c2w -- run\n",
			"Errors of c2w itself exit with status 125.\n")
	}
}

// usageLines are the forms of a command: those of its Use, one a line, the
// path of its parents in front.
func usageLines(cmd *cobra.Command) []string {
	parent := ""
	if cmd.HasParent() {
		parent = cmd.Parent().CommandPath() + " "
	}
	lines := []string{parent + cmd.Use}
	if cmd.HasAvailableSubCommands() {
		lines = append(lines, cmd.CommandPath()+" COMMAND")
	}
	if !cmd.Runnable() {
		lines = lines[1:]
	}
	return lines
}

func showFlags(w io.Writer, fs *pflag.FlagSet) {
	// Groups come in the order of their first flag, flags in that of their
	// registration.
	fs.SortFlags = false
	var headings []string
	groups := map[string]*pflag.FlagSet{}
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		heading := "Flags"
		if a := f.Annotations[groupAnnotation]; len(a) > 0 {
			heading = a[0]
		}
		if groups[heading] == nil {
			groups[heading] = pflag.NewFlagSet("", pflag.ContinueOnError)
			groups[heading].SortFlags = false
		}
		if !slices.Contains(headings, heading) {
			headings = append(headings, heading)
		}
		groups[heading].AddFlag(f)
	})
	for _, h := range headings {
		fmt.Fprintf(w, "\n%s:\n%s", h, groups[h].FlagUsages())
	}
}

func indent(text string) string {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	for i, l := range lines {
		if l != "" {
			lines[i] = "  " + l
		}
	}
	return strings.Join(lines, "\n")
}
