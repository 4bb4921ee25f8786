package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/c2w/c2w/internal/convert"
	"github.com/c2w/c2w/internal/convert/image"
)

// newRoot returns c2w with its subcommands.
func newRoot(inv *invocation) *cobra.Command {
	root := newConvertCommand(inv)
	root.AddCommand(
		newRunCommand(inv),
		newInspectCommand(inv),
		newListCommand(inv),
		newCacheCommand(inv),
		newCompletionCommand(inv),
		newLicensesCommand(inv),
		newVersionCommand(inv),
	)
	root.SetHelpCommand(newHelpCommand(inv))
	root.CompletionOptions.DisableDefaultCmd = true
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetIn(inv.stdin)
	root.SetOut(inv.stdout)
	root.SetErr(inv.stderr)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { showHelp(inv.stdout, cmd) })
	root.SetFlagErrorFunc(flagError)
	root.SuggestionsMinimumDistance = 1
	return root
}

// flagError makes pflag's errors ours, with the flag that may have been meant.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return usageError{err}
	}
	name := unknown.GetSpecifiedName()
	if len(name) == 1 {
		return usagef("unknown flag: -%s", name)
	}
	best, distance := "", 3
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if d := editDistance(name, f.Name); d < distance && d < len(name) && !f.Hidden {
			best, distance = f.Name, d
		}
	})
	if best != "" {
		return usagef("unknown flag: --%s; did you mean --%s?", name, best)
	}
	return usagef("unknown flag: --%s", name)
}

// editDistance counts the letters to insert, remove or replace to make b of a.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// operands wants from least to most of them; what names them in errors.
func operands(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return usagef("%s takes %s", cmd.Name(), what)
		}
		return nil
	}
}

func newHelpCommand(inv *invocation) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show help for a command",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, c := range cmd.Root().Commands() {
				if len(args) == 0 && c.IsAvailableCommand() && strings.HasPrefix(c.Name(), start) {
					names = append(names, c.Name()+"\t"+c.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usagef("there is no command %q%s", strings.Join(args, " "), meant(cmd.Root(), args[0]))
			}
			showHelp(inv.stdout, about)
			return nil
		},
	}
}

// meant asks for a command whose name is like the one given, or is "".
func meant(root *cobra.Command, name string) string {
	if found := root.SuggestionsFor(name); len(found) > 0 {
		return fmt.Sprintf("; did you mean c2w %s?", found[0])
	}
	return ""
}

// rootLong is the description of c2w itself.
func rootLong() string {
	return `Turns a container image into one WebAssembly file that boots Linux and runs the
image's program on any WASI host.

IMAGE is one of
  ` + strings.Join(image.Forms(), "\n  ") + `
It has to be for ` + strings.Join(convert.Platforms(), " or ") + `.`
}
