package convert

import "testing"

func TestParseSignal(t *testing.T) {
	for s, want := range map[string]uint32{
		"": 0, "SIGTERM": 15, "TERM": 15, "sigquit": 3, "9": 9, "64": 64, "SIGSYS": 31, "SIGPOLL": 29, "WINCH": 28,
		"RTMIN": 34, "SIGRTMIN+3": 37, "SIGRTMAX-14": 50, "RTMAX": 64,
	} {
		if got, err := parseSignal(s); err != nil || got != want {
			t.Errorf("%q: %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"0", "65", "-1", "+9", "SIG", "TERMINATE", "RTMIN-1", "RTMAX+1", "RTMIN3", " 9", "9x"} {
		if got, err := parseSignal(s); err == nil {
			t.Errorf("%q is signal %d", s, got)
		}
	}
}
