package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/c2w/c2w/internal/licenses"
)

const licensesHelp = `c2w licenses [NAME...]

Lists the work of others that c2w and the files that it makes contain, with
licence and source. With names, such as Linux, it prints the licences' texts;
"all" stands for every name.
`

func licensesCommand(inv *invocation, args []string) (int, error) {
	fs := newFlags(inv, licensesHelp, true)
	if err := parse(fs, args); err != nil {
		return 0, err
	}
	list, err := licenses.List()
	if err != nil {
		return 0, err
	}
	if fs.NArg() == 0 {
		return 0, listLicenses(inv, list)
	}
	for _, name := range fs.Args() {
		found := false
		for _, w := range list {
			if name != "all" && !strings.EqualFold(name, w.Name) {
				continue
			}
			found = true
			if err := printLicense(inv, &w); err != nil {
				return 0, err
			}
		}
		if !found {
			return 0, usagef("c2w contains nothing named %q; c2w licenses lists the names", name)
		}
	}
	return 0, nil
}

func listLicenses(inv *invocation, list []licenses.Work) error {
	fmt.Fprint(inv.stdout, "c2w itself is under the Apache License 2.0. It contains:\n\n")
	t := tabwriter.NewWriter(inv.stdout, 0, 0, 2, ' ', 0)
	for _, w := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\tin %s\n", w.Name, w.Version, w.License, strings.Join(w.In, ", "))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprint(inv.stdout, "\nThe software in an image that you convert has licences of its own.\nc2w licenses NAME prints the text and says where the source is.\n")
	return nil
}

func printLicense(inv *invocation, w *licenses.Work) error {
	fmt.Fprintf(inv.stdout, "%s %s\nLicence: %s\nSource: %s\n\n", w.Name, w.Version, w.License, w.Source)
	for _, f := range w.Files {
		text, err := licenses.Text(f)
		if err != nil {
			return err
		}
		fmt.Fprintf(inv.stdout, "%s\n\n", strings.Trim(text, "\n"))
	}
	return nil
}
