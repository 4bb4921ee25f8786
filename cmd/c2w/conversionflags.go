package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/c2w/c2w/internal/convert"
	"github.com/c2w/c2w/internal/convert/aot"
	"github.com/c2w/c2w/internal/convert/image"
	"github.com/c2w/c2w/internal/machine"
)

// conversionFlags say how an image is found and converted; c2w and c2w run
// have them.
type conversionFlags struct {
	platform string
	memory   size
	writable size
	aot      string
	budget   size
	train    []string
	profile  string
	noCache  bool
	quiet    bool

	tlsVerify  bool
	registryCA string
	authFile   string

	flags *pflag.FlagSet
}

// registerConversion adds the flags to those of cmd.
func (c *conversionFlags) registerConversion(cmd *cobra.Command) {
	c.flags = cmd.Flags()
	addGroup(c.flags, "Conversion", func(fs *pflag.FlagSet) {
		fs.StringVar(&c.platform, "platform", "", "convert the image for `OS/ARCH` (default "+convert.Platforms()[0]+")")
		fs.VarP(&c.memory, "memory", "m", "give the guest `SIZE` of memory, such as 512m or 1g (default 256m)")
		fs.Var(&c.memory, "ram", "")
		fs.MarkHidden("ram")
		fs.Var(&c.writable, "writable-size", "let the container write `SIZE` outside of volumes (default half the memory)")
		fs.StringVar(&c.aot, "aot", convert.AOTProfile, "translate `WHAT` ahead of time: none, kernel, profile or all")
		fs.Var(&c.budget, "aot-budget", "put at most `SIZE` of translated code into the file (default 4m)")
		fs.StringArrayVar(&c.train, "train", nil, "run `COMMAND` to find code worth translating (default the image's command, for a while)")
		fs.StringVar(&c.profile, "profile", "", "save what training finds in `FILE`; use that instead if it is there")
		fs.BoolVar(&c.noCache, "no-cache", false, "convert again, even if the result is cached")
		fs.BoolVarP(&c.quiet, "quiet", "q", false, "print nothing but errors")
	})
	addGroup(c.flags, "Registries", func(fs *pflag.FlagSet) {
		fs.BoolVar(&c.tlsVerify, "tls-verify", true, "verify certificates; =false also allows plain HTTP")
		fs.StringVar(&c.registryCA, "registry-ca", "", "also trust the certificate authorities in `FILE`")
		fs.StringVar(&c.authFile, "authfile", "", "read credentials from `FILE` (default docker's and podman's)")
	})
	cmd.RegisterFlagCompletionFunc("platform", cobra.FixedCompletions(convert.Platforms(), cobra.ShellCompDirectiveNoFileComp))
	cmd.RegisterFlagCompletionFunc("aot", cobra.FixedCompletions(convert.AOTModes(), cobra.ShellCompDirectiveNoFileComp))
	cmd.RegisterFlagCompletionFunc("memory", cobra.FixedCompletions([]string{"256m", "512m", "1g"}, cobra.ShellCompDirectiveNoFileComp))
}

// given returns the first flag given that says how an image is converted, or
// nil.
func (c *conversionFlags) given() *pflag.Flag {
	for _, name := range []string{"platform", "memory", "ram", "writable-size", "aot", "aot-budget", "train", "profile"} {
		if f := c.flags.Lookup(name); f.Changed {
			return f
		}
	}
	return nil
}

// options adds what the flags do not say.
func (c *conversionFlags) options(inv *invocation, ref string) (convert.Options, error) {
	if c.writable > 0 && c.writable >= cmp.Or(c.memory, machine.DefaultRAM) {
		return convert.Options{}, usagef("--writable-size %s does not fit into %s of memory", mebibytes(uint64(c.writable)), mebibytes(uint64(cmp.Or(c.memory, machine.DefaultRAM))))
	}
	o := convert.Options{
		Ref: ref, Platform: c.platform, RAM: uint32(c.memory), UpperSize: uint64(c.writable), Version: version(),
		AOT: c.aot, Budget: int64(c.budget), Train: c.train,
		Image: image.Options{Insecure: !c.tlsVerify, CAFile: c.registryCA, AuthFile: c.authFile},
	}
	if err := c.openProfile(&o); err != nil {
		return o, err
	}
	if err := o.CheckAOT(); err != nil {
		return o, usageError{err}
	}
	m, err := c.findMachine(inv)
	if err != nil {
		return o, err
	}
	o.Machine = m.Module
	return o, nil
}

// openProfile reads the profile that the flags name, or sees to it that one is
// written.
func (c *conversionFlags) openProfile(o *convert.Options) error {
	if !c.flags.Changed("profile") {
		return nil
	}
	if c.profile == "" {
		return usagef("--profile needs the name of a file")
	}
	b, err := os.ReadFile(c.profile)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case err == nil:
		if o.Profile, err = aot.Parse(b); err != nil {
			return fmt.Errorf("reading the profile %s: %w", c.profile, err)
		}
	case missing:
		if err := convert.CheckOutput(c.profile); err != nil {
			return err
		}
	default:
		return fmt.Errorf("reading the profile %s: %w", c.profile, reason(err))
	}
	if missing || len(c.train) > 0 {
		o.KeepProfile = func(ctx context.Context, p aot.Profile) error {
			return convert.WriteFile(ctx, c.profile, bytes.NewReader(p.Format()))
		}
	}
	return nil
}

// shellWord quotes s for a POSIX shell if it has to be.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:=@%+,", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
