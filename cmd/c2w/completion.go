package main

import (
	"github.com/spf13/cobra"
)

func newCompletionCommand(inv *invocation) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print a script that completes c2w's command line in a shell",
		Example: `source <(c2w completion bash)                        this shell; bash, with bash-completion
c2w completion bash >/etc/bash_completion.d/c2w      every shell
c2w completion zsh >"${fpath[1]}/_c2w"
c2w completion fish >~/.config/fish/completions/c2w.fish
c2w completion powershell | Out-String | Invoke-Expression`,
		Args:                  operands(1, 1, "the name of a shell: bash, zsh, fish or powershell"),
		ValidArgs:             []string{"bash", "zsh", "fish", "powershell"},
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(inv.stdout, true)
			case "zsh":
				return root.GenZshCompletion(inv.stdout)
			case "fish":
				return root.GenFishCompletion(inv.stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(inv.stdout)
			}
			return usagef("c2w knows no shell %q: it completes in bash, zsh, fish and powershell", args[0])
		},
	}
}

// completeNothing is for commands without operands.
func completeNothing(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// completeFiles offers files with that ending, and directories, for the first
// operands.
func completeFiles(ending string, operands int) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= operands {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return []string{ending}, cobra.ShellCompDirectiveFilterFileExt
	}
}
