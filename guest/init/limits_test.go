//go:build linux

package main

import "testing"

func TestSysctlPath(t *testing.T) {
	for name, want := range map[string]string{
		"vm.max_map_count":              "/proc/sys/vm/max_map_count",
		"vm/max_map_count":              "/proc/sys/vm/max_map_count",
		"net.ipv4.conf.eth0/1.arp":      "/proc/sys/net/ipv4/conf/eth0.1/arp",
		"net/ipv4/conf/eth0.1/arp":      "/proc/sys/net/ipv4/conf/eth0.1/arp",
		"plain":                         "/proc/sys/plain",
		"":                              "",
		"a..b":                          "",
		"a/../../self/oom_score_adj":    "",
		"../self/oom_score_adj":         "",
		"a.//./b":                       "",
		"/etc/passwd":                   "",
		".":                             "",
		"kernel/./core_pattern":         "",
		"net.ipv4.conf.//.self.environ": "",
	} {
		if got, err := sysctlPath(name); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v, want %q", name, got, err, want)
		}
	}
}
