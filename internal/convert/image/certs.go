package image

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// tlsConfig returns how to speak TLS with a registry: the system's authorities,
// those of Options.CAFile, and what certs.d directories have for the host
// (dockerd(8), containers-certs.d(5)): NAME.crt is an authority, NAME.cert with
// NAME.key is what the client shows.
func tlsConfig(host string, o Options) (*tls.Config, error) {
	c := &tls.Config{InsecureSkipVerify: o.Insecure, MinVersion: tls.VersionTLS12}
	add := func(file string) error {
		pem, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("reading certificate authorities from %s: %w", file, reason(err, file))
		}
		if c.RootCAs == nil {
			if c.RootCAs, err = x509.SystemCertPool(); err != nil {
				c.RootCAs = x509.NewCertPool()
			}
		}
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("reading certificate authorities from %s: it has no certificate in PEM form", file)
		}
		return nil
	}
	if o.CAFile != "" {
		if err := add(o.CAFile); err != nil {
			return nil, err
		}
	}
	for _, dir := range certDirs() {
		dir = filepath.Join(dir, host)
		list, err := os.ReadDir(dir)
		if err != nil {
			continue // most hosts have none, and some systems have no such names
		}
		for _, e := range list {
			file := filepath.Join(dir, e.Name())
			if strings.HasSuffix(file, ".crt") {
				if err := add(file); err != nil {
					return nil, err
				}
			} else if base, ok := strings.CutSuffix(file, ".cert"); ok {
				pair, err := tls.LoadX509KeyPair(file, base+".key")
				if err != nil {
					return nil, fmt.Errorf("reading the client certificate %s: %w", file, err)
				}
				c.Certificates = append(c.Certificates, pair)
			}
		}
		break // as podman: the first directory that there is
	}
	return c, nil
}

func certDirs() []string {
	var list []string
	home, _ := os.UserHomeDir()
	if dir := cmp.Or(os.Getenv("XDG_CONFIG_HOME"), filepath.Join(home, ".config")); filepath.IsAbs(dir) {
		list = append(list, filepath.Join(dir, "containers", "certs.d"))
	}
	return append(list, "/etc/containers/certs.d", "/etc/docker/certs.d", filepath.Join(dockerDir(), "certs.d"))
}
