package machine

import (
	"errors"
	"strings"

	"github.com/c2w/c2w/internal/format/agent"
)

// defaultHostname is the container's unless the run names another.
const defaultHostname = "c2w"

// Spec is what the guest's init is told to run: the image's configuration with
// what the run says, combined as docker run does.
func (m *Manifest) Spec(o RunOptions) (*agent.Spec, error) {
	entry, cmd := m.Entrypoint, m.Cmd
	if o.Entrypoint != nil {
		entry, cmd = o.Entrypoint, nil
	}
	if len(o.Args) > 0 {
		cmd = o.Args
	}
	args := append(append([]string{}, entry...), cmd...)
	if len(args) == 0 {
		return nil, errors.New("the image names no command: give one behind the file's name")
	}
	s := &agent.Spec{
		Args: args, User: m.User, Dir: m.Dir, Hostname: o.Hostname, ReadOnly: o.ReadOnly, Init: o.Init,
	}
	if o.User != nil {
		s.User = *o.User
	}
	if o.Dir != nil {
		s.Dir = *o.Dir
	}
	if s.Dir == "" {
		s.Dir = "/"
	}
	if s.Dir[0] != '/' {
		return nil, errors.New("the working directory " + s.Dir + " is not absolute")
	}
	if s.Hostname == "" {
		s.Hostname = defaultHostname
	}
	o.Settings.apply(s)
	s.Env = mergeEnv([]string{defaultPath, "HOSTNAME=" + s.Hostname}, m.Env, o.Env)
	return s, nil
}

// RunOptions is what one run adds to the image's configuration.
type RunOptions struct {
	Entrypoint []string // replaces the image's entrypoint and drops its command
	Args       []string // replace the image's command
	Env        []string // KEY=VALUE, override the image's
	User       *string  // USER[:GROUP], replaces the image's
	Dir        *string  // replaces the image's working directory
	Hostname   string
	ReadOnly   bool // the root is read-only
	Init       bool // process 1 is an init that starts the command
	Settings
}

const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// mergeEnv joins environments; later ones override earlier ones, in place.
func mergeEnv(lists ...[]string) []string {
	var out []string
	index := map[string]int{}
	for _, list := range lists {
		for _, kv := range list {
			k, _, _ := strings.Cut(kv, "=")
			if i, ok := index[k]; ok {
				out[i] = kv
				continue
			}
			index[k] = len(out)
			out = append(out, kv)
		}
	}
	return out
}
