package image

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/credentials"
	"github.com/docker/cli/cli/config/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// logins is what was found out about credentials for one repository.
type logins struct {
	auth authn.Authenticator
	// from is the file that the credentials are of, "" if there are none.
	from string
	// problems are files and credential helpers that could not be read: worth
	// telling if the registry wants credentials.
	problems []error
}

// findLogins looks for credentials where docker and podman keep them. The first
// file that has some for the repository wins; a problem with one is not yet a
// reason to give up.
func findLogins(repo name.Repository, o Options) (logins, error) {
	l := logins{auth: authn.Anonymous}
	for _, file := range authFiles(o) {
		cf, err := readAuthFile(file)
		switch {
		case errors.Is(err, fs.ErrNotExist) && file != o.AuthFile && file != os.Getenv("REGISTRY_AUTH_FILE"):
			// DOCKER_AUTH_CONFIG counts without docker's file, too.
			if file != dockerConfig() || os.Getenv(configfile.DockerEnvConfigKey) == "" {
				continue
			}
			cf = configfile.New(file)
		case err != nil && file == o.AuthFile:
			return l, fmt.Errorf("reading credentials from %w", err)
		case err != nil:
			l.problems = append(l.problems, fmt.Errorf("reading credentials from %w", err))
			continue
		}
		ac, err := lookup(cf, repo)
		if err != nil {
			l.problems = append(l.problems, fmt.Errorf("asking the credential helper of %s: %w", file, err))
			continue
		}
		if hasSecret(ac) {
			l.from = file
			l.auth = authn.FromConfig(authn.AuthConfig{Username: ac.Username, Password: ac.Password, Auth: ac.Auth,
				IdentityToken: ac.IdentityToken, RegistryToken: ac.RegistryToken})
			return l, nil
		}
	}
	return l, nil
}

// authFiles lists the files in order (docker login, containers-auth.json(5)).
func authFiles(o Options) []string {
	if o.AuthFile != "" {
		return []string{o.AuthFile}
	}
	var list []string
	if f := os.Getenv("REGISTRY_AUTH_FILE"); f != "" {
		list = append(list, f)
	}
	list = append(list, dockerConfig())
	run := os.Getenv("XDG_RUNTIME_DIR")
	if run == "" && os.Getuid() >= 0 {
		run = filepath.Join("/run/containers", strconv.Itoa(os.Getuid()))
	}
	if run != "" {
		list = append(list, filepath.Join(run, "containers", "auth.json"))
	}
	home, _ := os.UserHomeDir()
	if dir := cmp.Or(os.Getenv("XDG_CONFIG_HOME"), filepath.Join(home, ".config")); filepath.IsAbs(dir) {
		list = append(list, filepath.Join(dir, "containers", "auth.json"))
	}
	return list
}

// dockerDir is where docker's command keeps its configuration.
func dockerDir() string {
	home, _ := os.UserHomeDir()
	return cmp.Or(os.Getenv("DOCKER_CONFIG"), filepath.Join(home, ".docker"))
}

func dockerConfig() string { return filepath.Join(dockerDir(), config.ConfigFileName) }

func readAuthFile(name string) (*configfile.ConfigFile, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, reason(err, name))
	}
	defer f.Close()
	cf := configfile.New(name)
	if err := cf.LoadFromReader(f); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return cf, nil
}

func hasSecret(ac types.AuthConfig) bool {
	return ac.Username != "" || ac.Password != "" || ac.Auth != "" || ac.IdentityToken != "" || ac.RegistryToken != ""
}

// lookup finds what one file has for a repository: entries in the file from the
// repository up to its registry, as podman writes them, then what credential
// helpers know of the registry.
func lookup(cf *configfile.ConfigFile, repo name.Repository) (types.AuthConfig, error) {
	hosts := []string{repo.RegistryStr()}
	if hosts[0] == name.DefaultRegistry {
		hosts = []string{"docker.io", name.DefaultRegistry}
	}
	for path := "/" + repo.RepositoryStr(); ; path = path[:strings.LastIndexByte(path, '/')] {
		for _, host := range hosts {
			if ac := cf.AuthConfigs[host+path]; hasSecret(ac) {
				return ac, nil
			}
		}
		if path == "" {
			break
		}
	}
	for key, ac := range cf.AuthConfigs { // docker's older form: a URL
		if strings.Contains(key, "://") && credentials.ConvertToHostname(key) == repo.RegistryStr() && hasSecret(ac) {
			return ac, nil
		}
	}
	for _, host := range hosts {
		if cf.CredentialsStore == "" && cf.CredentialHelpers[host] == "" && cf.CredentialHelpers[authn.DefaultAuthKey] == "" &&
			os.Getenv(configfile.DockerEnvConfigKey) == "" {
			continue
		}
		ac, err := cf.GetAuthConfig(host)
		if err != nil || hasSecret(ac) {
			return ac, err
		}
	}
	return types.AuthConfig{}, nil
}
