//go:build linux

package main

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
)

const passwd = `root:x:0:0:root:/root:/bin/sh
# a comment: x:1:1:::
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin

short:x:7
nonsense:x:zero:0::/:
negative:x:-1:0::/:
+:::::
web:x:33:33:web:/var/www
77:x:1000:1000:its name is a number:/home/77:/bin/sh
numbered:x:77:78:its number is a name::/bin/sh
twice:x:33:99:the number of another:/twice:
huge:x:4294967295:0::/:
last:x:500:501::/home/last:/bin/sh`

const group = `root:x:0:
daemon:x:1:
adm:x:4:web,twice
web:x:33:
video:x:44:daemon,web
also33:x:33:web
bad:x:b:web
short:x
78:x:1078:
users:x:100:last,web,web
`

func TestFindUser(t *testing.T) {
	read := func(file string) string { return map[string]string{passwdFile: passwd, groupFile: group}[file] }
	nothing := func(string) string { return "" }
	for _, c := range []struct {
		spec string
		read func(string) string
		want user
	}{
		{"", read, user{0, 0, []int{0}, "/root"}},
		{":", read, user{0, 0, []int{0}, "/root"}},
		{"", nothing, user{0, 0, []int{0}, "/"}},
		{"root", read, user{0, 0, []int{0}, "/root"}},
		{"0", read, user{0, 0, []int{0}, "/root"}},
		{"daemon", read, user{1, 1, []int{1, 44}, "/usr/sbin"}},
		{"1", read, user{1, 1, []int{1, 44}, "/usr/sbin"}},
		{"web", read, user{33, 33, []int{33, 4, 44, 100}, "/var/www"}},
		{"33", read, user{33, 33, []int{33, 4, 44, 100}, "/var/www"}}, // the first of two
		{"twice", read, user{33, 99, []int{99, 4}, "/twice"}},
		{"web:adm", read, user{33, 4, []int{4}, "/var/www"}},
		{"web:4", read, user{33, 4, []int{4}, "/var/www"}},
		{"web:12345", read, user{33, 12345, []int{12345}, "/var/www"}},
		{":adm", read, user{0, 4, []int{4}, "/root"}},
		{"77", read, user{1000, 1000, []int{1000}, "/home/77"}}, // whichever line is first
		{"numbered", read, user{77, 78, []int{78}, "/"}},
		{"web:78", read, user{33, 1078, []int{1078}, "/var/www"}},
		{"4242", read, user{4242, 0, []int{0}, "/"}},
		{"4242:4243", nothing, user{4242, 4243, []int{4243}, "/"}},
		{"2147483647", read, user{2147483647, 0, []int{0}, "/"}},
		{"last", read, user{500, 501, []int{501, 100}, "/home/last"}},
	} {
		got, err := findUser(c.spec, c.read)
		if err != nil || !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%q: %+v, %v, want %+v", c.spec, got, err, c.want)
		}
	}
	for spec, want := range map[string]string{
		"nobody":      "unable to find user nobody: no matching entry in /etc/passwd",
		"short":       "unable to find user short: no matching entry in /etc/passwd",
		"nonsense":    "unable to find user nonsense: no matching entry in /etc/passwd",
		"negative":    "unable to find user negative: no matching entry in /etc/passwd",
		"huge":        "unable to find user huge: no matching entry in /etc/passwd",
		"2147483648":  "unable to find user 2147483648: no matching entry in /etc/passwd",
		"-1":          "unable to find user -1: no matching entry in /etc/passwd",
		"+5":          "unable to find user +5: no matching entry in /etc/passwd",
		"web:nogroup": "unable to find group nogroup: no matching entry in /etc/group",
		"web:bad":     "unable to find group bad: no matching entry in /etc/group",
		"web:4:5":     "unable to find group 4:5: no matching entry in /etc/group",
	} {
		if got, err := findUser(spec, read); err == nil || err.Error() != want {
			t.Errorf("%q: %+v, %v, want %s", spec, got, err, want)
		}
	}
}

func TestMembershipsAreBounded(t *testing.T) {
	var file strings.Builder
	for i := range maxGroups + 10 {
		file.WriteString("g:x:" + strconv.Itoa(i) + ":me\n")
	}
	if n := len(memberships(file.String(), "me", 5)); n != maxGroups {
		t.Errorf("%d groups", n)
	}
}

// FuzzFindUser: whatever an image's files say, numbers are in range, the group is
// among the groups, and each is there once.
func FuzzFindUser(f *testing.F) {
	f.Add("web", passwd, group)
	f.Add("33:adm", passwd, group)
	f.Add("", ":::::\n", ":::\n")
	f.Fuzz(func(t *testing.T, spec, passwd, group string) {
		u, err := findUser(spec, func(file string) string {
			if file == passwdFile {
				return passwd
			}
			return group
		})
		if err != nil {
			return
		}
		seen := map[int]bool{}
		for _, g := range append([]int{u.uid, u.gid}, u.groups...) {
			if g < 0 || g > maxID {
				t.Errorf("%d is out of range", g)
			}
		}
		for _, g := range u.groups {
			if seen[g] {
				t.Errorf("group %d twice", g)
			}
			seen[g] = true
		}
		if !seen[u.gid] || u.home == "" || len(u.groups) > maxGroups {
			t.Errorf("%+v", u)
		}
	})
}

func TestWithHome(t *testing.T) {
	if got := withHome([]string{"A=1"}, "/h"); !reflect.DeepEqual(got, []string{"A=1", "HOME=/h"}) {
		t.Errorf("%q", got)
	}
	if got := withHome([]string{"HOME=", "A=1"}, "/h"); !reflect.DeepEqual(got, []string{"HOME=", "A=1"}) {
		t.Errorf("%q", got)
	}
}
