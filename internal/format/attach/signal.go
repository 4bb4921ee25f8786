package attach

import "strconv"

// signalNames are the names of the signals that a person sends, by Linux's
// numbers.
var signalNames = map[uint8]string{
	1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 6: "SIGABRT", 9: "SIGKILL", 10: "SIGUSR1",
	12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 18: "SIGCONT", 19: "SIGSTOP",
}

// SignalName is how a signal of Linux's number is called in text for a person.
func SignalName(number uint8) string {
	if name := signalNames[number]; name != "" {
		return name
	}
	return "signal " + strconv.Itoa(int(number))
}
