//go:build linux

package main

import (
	"syscall"
	"unsafe"

	"github.com/c2w/c2w/internal/format/agent"
)

// readBoot reads what the conversion left.
func readBoot() (*agent.Boot, error) {
	fd, err := open(agent.BootFile, syscall.O_RDONLY)
	if err != nil {
		return nil, during("opening "+agent.BootFile, err)
	}
	defer syscall.Close(fd)
	var parser agent.Parser
	var buf [4096]byte
	for {
		m, err := parser.Next()
		if err != nil {
			return nil, during("reading "+agent.BootFile, err)
		}
		if m != nil {
			boot, ok := m.(*agent.Boot)
			if !ok {
				return nil, during("reading "+agent.BootFile, agent.ErrMessage)
			}
			return boot, nil
		}
		n, err := syscall.Read(fd, buf[:])
		if err != nil && err != syscall.EINTR {
			return nil, during("reading "+agent.BootFile, err)
		}
		if err == nil && n == 0 { // it ends too early
			return nil, during("reading "+agent.BootFile, agent.ErrMessage)
		}
		parser.Feed(buf[:max(n, 0)])
	}
}

// The files of /c2w/etc, which the container sees as its own.
const (
	hostnameFile = agent.EtcDir + "/hostname"
	hostsFile    = agent.EtcDir + "/hosts"
	resolvFile   = agent.EtcDir + "/resolv.conf"
)

// createEtc makes the files, so that they can be mounted; [writeEtc] fills them.
// They lie in the writable layer's file system, whose size bounds them too.
func createEtc() error {
	const dir = writes + "/etc"
	syscall.Mkdir(dir, 0o755)
	syscall.Mkdir(agent.EtcDir, 0o755)
	if err := syscall.Mount(dir, agent.EtcDir, "", syscall.MS_BIND, ""); err != nil {
		return during("mounting "+agent.EtcDir, err)
	}
	for _, f := range []string{hostnameFile, hostsFile} {
		if err := writeFile(f, ""); err != nil {
			return during("making "+f, err)
		}
	}
	return during("making "+resolvFile, writeFile(resolvFile, "# no name server is known\n"))
}

// knownHosts are the names that docker knows in every container.
const knownHosts = `127.0.0.1	localhost
::1	localhost ip6-localhost ip6-loopback
fe00::	ip6-localnet
ff00::	ip6-mcastprefix
ff02::1	ip6-allnodes
ff02::2	ip6-allrouters
`

// writeEtc rewrites the files in place: they are mounted. The container's own
// name comes last, as with docker, whose address is the network's.
func writeEtc(hostname string, hosts []string) error {
	if err := writeFile(hostnameFile, hostname+"\n"); err != nil {
		return during("writing "+hostnameFile, err)
	}
	text := knownHosts
	for _, line := range hosts {
		text += line + "\n"
	}
	return during("writing "+hostsFile, writeFile(hostsFile, text+"127.0.1.1\t"+hostname+"\n"))
}

// nodename is the host name of the caller's UTS namespace.
func nodename() string {
	var buf syscall.Utsname
	if syscall.Uname(&buf) != nil {
		return ""
	}
	name := make([]byte, 0, len(buf.Nodename))
	for _, c := range buf.Nodename {
		if c == 0 {
			break
		}
		name = append(name, byte(c))
	}
	return string(name)
}

func setClock(ns int64) {
	if ns != 0 {
		tv := syscall.NsecToTimeval(ns)
		syscall.Settimeofday(&tv)
	}
}

// addEntropy is RNDADDENTROPY, which also credits the bytes (random(4)).
func addEntropy(seed []byte) {
	if len(seed) == 0 {
		return
	}
	fd, err := open("/dev/random", syscall.O_WRONLY)
	if err != nil {
		return
	}
	defer syscall.Close(fd)
	const rndAddEntropy = 0x40085203
	var pool struct {
		bits, size int32
		buf        [agent.MaxEntropy]byte
	}
	n := copy(pool.buf[:], seed)
	pool.bits, pool.size = int32(8*n), int32(n)
	ioctl(fd, rndAddEntropy, unsafe.Pointer(&pool))
}

// loopbackUp gives programs 127.0.0.1 and ::1.
func loopbackUp() {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer syscall.Close(fd)
	var request struct { // struct ifreq
		name  [16]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:], "lo")
	request.flags = syscall.IFF_UP | syscall.IFF_RUNNING
	ioctl(fd, syscall.SIOCSIFFLAGS, unsafe.Pointer(&request))
}
