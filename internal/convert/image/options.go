package image

// Options says how images are reached. The zero value is what most users want:
// certificates are verified, credentials are those of docker and podman logins.
//
// Beside what the fields say, Open reads the environment and files that docker
// and podman read: DOCKER_CONFIG, DOCKER_HOST, DOCKER_CONTEXT, DOCKER_TLS_VERIFY,
// DOCKER_CERT_PATH, DOCKER_AUTH_CONFIG, REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR,
// HTTPS_PROXY and its kin, and the certs.d directories.
//
// The fields are made for flags with these names and help texts:
//
//	--tls-verify=false   Insecure
//	--registry-ca FILE   CAFile
//	--authfile FILE      AuthFile
type Options struct {
	// Insecure takes any certificate of a registry, and plain HTTP where it
	// speaks no TLS. Registries on the loopback interface may speak plain HTTP
	// without it.
	Insecure bool
	// CAFile is a PEM file of certificate authorities that are trusted for
	// registries, beside the system's.
	CAFile string
	// AuthFile has credentials in the form of docker's config.json and podman's
	// auth.json; "" looks where docker and podman keep them.
	AuthFile string
	// TempDir takes what is downloaded or unpacked on the way; "" is the
	// system's place.
	TempDir string
	// Progress, if set, hears how many of an image's stored bytes have been
	// read: done of total. It is called from one goroutine at a time, at most
	// some thousand times. total is 0 when a source does not tell.
	Progress func(done, total int64)
}
