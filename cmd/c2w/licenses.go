package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/c2w/c2w/internal/convert/licenses"
)

func newLicensesCommand(inv *invocation) *cobra.Command {
	return &cobra.Command{
		Use:   "licenses [NAME...]",
		Short: "Show the licences of what c2w contains",
		Long: `Lists the work of others that c2w and the files that it makes contain, with
licence and source. With names, such as Linux, it prints the licences' texts;
"all" stands for every name.`,
		ValidArgsFunction: completeLicenses,
		RunE:              func(_ *cobra.Command, args []string) error { return showLicenses(inv, args) },
	}
}

func completeLicenses(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	list, _ := licenses.List()
	names := []string{"all"}
	for _, w := range list {
		names = append(names, w.Name+"\t"+w.License)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func showLicenses(inv *invocation, names []string) error {
	list, err := licenses.List()
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return listLicenses(inv, list)
	}
	for _, name := range names {
		found := false
		for _, w := range list {
			if name != "all" && !strings.EqualFold(name, w.Name) {
				continue
			}
			found = true
			if err := printLicense(inv, &w); err != nil {
				return err
			}
		}
		if !found {
			return usagef("c2w contains nothing named %q; c2w licenses lists the names", name)
		}
	}
	return nil
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
