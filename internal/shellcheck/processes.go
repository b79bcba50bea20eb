package shellcheck

import (
	"slices"
	"strings"
)

// kill may end what the command itself started ($!, %1, $$), and ask with signal 0 whether a process is there.
func kill(c *checker, args []string, _ *state) {
	if len(args) > 0 && slices.Contains([]string{"-0", "-l", "-L", "--list"}, args[0]) {
		return
	}
	if len(args) > 1 && (args[0] == "-s" || args[0] == "-n") {
		args = args[2:]
	} else if len(args) > 1 && strings.HasPrefix(args[0], "-") {
		args = args[1:]
	}
	for _, pid := range args {
		switch {
		case pid == "--" || strings.HasPrefix(pid, "%"):
		case strings.Trim(pid, ownPID+" \n-") == "" && strings.Contains(pid, ownPID):
		case pid == "-1":
			c.flag(Kill, "ends every process that it may")
		case uncertain(pid):
			c.flag(Kill, "ends a process that cannot be known before it runs")
		default:
			c.flag(Kill, "ends process %s, which it did not start", pid)
		}
	}
}

func fuser(c *checker, args []string, _ *state) {
	if given, _ := parse(args, "n N"); given.has("-k", "--kill") {
		c.flag(Kill, "ends the processes that use a file or port")
	}
}

func runlevel(c *checker, args []string, _ *state) {
	if slices.Contains(args, "0") || slices.Contains(args, "6") || slices.Contains(args, "1") {
		c.flag(Kill, "stops the machine")
	}
}

func serviceControl(c *checker, args []string, _ *state) {
	for _, a := range args {
		if slices.Contains(strings.Fields("stop kill restart disable mask poweroff reboot halt rescue emergency isolate kexec"), a) {
			c.flag(Kill, "stops or changes services of the machine")
			return
		}
	}
}

// netcat must not hand a shell to whoever is at the other end.
func netcat(c *checker, args []string, _ *state) {
	given, operands := parse(args, "e c p s w i exec sh-exec")
	programs := given.values("-e", "-c", "--exec", "--sh-exec")
	for _, o := range operands { // socat
		if upper := strings.ToUpper(o); strings.HasPrefix(upper, "EXEC:") || strings.HasPrefix(upper, "SYSTEM:") {
			programs = append(programs, o)
		}
	}
	if len(programs) > 0 {
		c.flag(PipeToShell, "lets another machine lead a program here")
	}
}
