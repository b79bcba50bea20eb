package shellcheck

import (
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
)

// builtin is a command that changes the state of the shell, or runs another command.
type builtin func(c *checker, args []string, s *state) (ok, failed *state)

// builtins by name; they are set at start because they run commands themselves.
var builtins map[string]builtin

func init() {
	builtins = map[string]builtin{
		"cd": cd, "pushd": cd, "popd": popd, "exit": exit, "return": exit, "read": read, "mapfile": mapfile, "readarray": mapfile,
		"set": set, "shift": shift, "unset": unset, "alias": alias, "trap": trap, "eval": eval, "source": source, ".": source,
		"printf": printf, "history": history, "command": command, "builtin": command, "exec": command, "env": env, "su": dashC("-c"),
		"runuser": dashC("-c"), "script": dashC("-c"), "flock": flock, "watch": joinedShell, "ssh": ssh, "xargs": xargs, "parallel": parallel, "find": find,
		"at": reader, "batch": reader, "busybox": wrapper("", 0), "toybox": wrapper("", 0), "crontab": crontab,
		"nohup": wrapper("", 0), "nice": wrapper("n adjustment", 0), "ionice": wrapper("c n p class classdata", 0),
		"timeout": wrapper("k s kill-after signal", 1), "sudo": wrapper("u g h p C T U r t D user group host prompt chdir", 0), "doas": wrapper("u C", 0),
		"setsid": wrapper("", 0), "stdbuf": wrapper("i o e input output error", 0), "time": wrapper("f o format output", 0),
		"chroot": wrapper("userspec groups", 1), "unshare": wrapper("", 0), "chrt": wrapper("p", 1), "taskset": wrapper("p c", 1),
		"strace": wrapper("e o p s u E", 0), "ltrace": wrapper("e o p s u", 0), "fakeroot": wrapper("", 0), "xvfb-run": wrapper("s n e f", 0),
		"unbuffer": wrapper("", 0), "systemd-run": wrapper("p u", 0), "pkexec": wrapper("user", 0),
	}
	for _, name := range []string{"sh", "bash", "dash", "zsh", "ksh", "ash", "mksh", "rbash", "fish"} {
		builtins[name] = shell
	}
}

// cd changes the working directory; where it fails, the directory stays.
func cd(c *checker, args []string, s *state) (ok, failed *state) {
	_, operands := parse(args, "")
	to := home
	if len(operands) > 0 {
		to = operands[0]
	}
	failed = s.clone()
	failed.unlikely = true
	before := s.dir()
	if to == "-" {
		old, _ := s.value("OLDPWD")
		to = old.String()
	}
	s.set("PWD", c.path(s, to))
	s.set("OLDPWD", before)
	return s, failed
}

func popd(_ *checker, _ []string, s *state) (ok, failed *state) {
	old, _ := s.value("OLDPWD")
	s.set("PWD", old.String())
	return s, s
}

// exit makes what follows unlikely; it is judged all the same.
func exit(_ *checker, _ []string, s *state) (ok, failed *state) {
	s = s.clone()
	s.unlikely = true
	return s, s
}

// read gives a variable any of the lines of the input.
func read(_ *checker, args []string, s *state) (ok, failed *state) {
	_, names := parse(args, "d n N p t u a i")
	if len(names) == 0 {
		names = []string{"REPLY"}
	}
	lines := inputLines(s)
	for i, name := range names {
		var values []expand.Variable
		for _, line := range lines {
			fields := strings.Fields(line)
			switch {
			case i >= len(fields):
				values = append(values, text(""))
			case i == len(names)-1:
				values = append(values, text(strings.Join(fields[i:], " ")))
			default:
				values = append(values, text(fields[i]))
			}
		}
		s.setAny(name, values)
	}
	return s, s
}

// inputLines are the lines of the input, or one that is unknown.
func inputLines(s *state) []string {
	input, known := s.input()
	if !known {
		input = unknown
	}
	lines := strings.FieldsFunc(input, func(r rune) bool { return r == '\n' || r == 0 })
	if len(lines) == 0 {
		return []string{""}
	}
	return lines
}

func mapfile(_ *checker, args []string, s *state) (ok, failed *state) {
	_, names := parse(args, "d n O s u C c")
	if len(names) > 0 {
		lines := inputLines(s)
		s.vars[names[0]] = []expand.Variable{list(lines[:min(len(lines), maxFields)])}
	}
	return s, s
}

// set sets the positional parameters, and may switch the history off.
func set(c *checker, args []string, s *state) (ok, failed *state) {
	if slices.Contains(args, "history") && slices.Contains(args, "+o") {
		c.flag(HistoryOrKeys, "switches the shell's history off")
	}
	if i := slices.Index(args, "--"); i >= 0 {
		s.positional(args[i+1:])
	} else if len(args) > 0 && !strings.HasPrefix(args[0], "-") && !strings.HasPrefix(args[0], "+") {
		s.positional(args)
	}
	return s, s
}

func shift(_ *checker, args []string, s *state) (ok, failed *state) {
	n := 1
	if len(args) > 0 {
		n, _ = strconv.Atoi(args[0])
	}
	v, _ := s.value("@")
	s.positional(v.List[min(max(n, 0), len(v.List)):])
	return s, s
}

func unset(c *checker, args []string, s *state) (ok, failed *state) {
	for _, name := range args {
		if strings.HasPrefix(name, "HIST") {
			c.flag(HistoryOrKeys, "alters what the shell's history records")
		}
		s.vars[name] = []expand.Variable{{}}
		delete(s.funcs, name)
	}
	return s, s
}

func alias(_ *checker, args []string, s *state) (ok, failed *state) {
	for _, a := range args {
		if name, value, is := strings.Cut(a, "="); is {
			s.aliases[name] = value
		}
	}
	return s, s
}

// trap follows what will be run on a signal or at the end.
func trap(c *checker, args []string, s *state) (ok, failed *state) {
	_, operands := parse(args, "")
	if len(operands) > 1 && operands[0] != "-" {
		c.generated(operands[0], s.clone())
	}
	return s, s
}

func eval(c *checker, args []string, s *state) (ok, failed *state) {
	return c.generated(strings.Join(args, " "), s)
}

// generated follows a text that was put together and is run now.
func (c *checker) generated(script string, s *state) (ok, failed *state) {
	switch trimmed := strings.TrimSpace(script); {
	case strings.Contains(script, fetched):
		c.flag(PipeToShell, "runs what it downloads, unseen")
		return s, s
	case trimmed != "" && strings.Trim(trimmed, marks) == "":
		c.flag(PipeToShell, "runs text that cannot be known before it runs")
		return s, s
	}
	return c.nested(script, s)
}

// source runs a file in this shell: one that was there before is ordinary.
func source(c *checker, args []string, s *state) (ok, failed *state) {
	if len(args) == 0 {
		return s, s
	}
	return c.runFile(args[0], s)
}

// runFile follows a script, if the command itself has made it.
func (c *checker) runFile(name string, s *state) (ok, failed *state) {
	if name == "/dev/stdin" {
		return c.runInput(s)
	}
	full := c.path(s, name)
	ok, failed = s, s
	for _, version := range c.files[full] {
		switch {
		case strings.Contains(version, fetched):
			c.flag(PipeToShell, "runs what it downloads, unseen")
		case strings.HasPrefix(full, "/dev/fd/"):
			return c.generated(version, s)
		case strings.Trim(version, marks+" \n") != "":
			ok, failed = c.nested(version, s)
		}
	}
	return ok, failed
}

// runInput follows what a shell reads from its input.
func (c *checker) runInput(s *state) (ok, failed *state) {
	input, known := s.input()
	if !known {
		return s, s
	}
	s.stdin = nil
	return c.generated(input, s)
}

func printf(c *checker, args []string, s *state) (ok, failed *state) {
	if len(args) > 2 && args[0] == "-v" {
		s.set(args[1], format(args[2:]))
		return s, s
	}
	s.print(format(args))
	return s, s
}

func history(c *checker, args []string, s *state) (ok, failed *state) {
	if given, _ := parse(args, "d"); given.has("-c", "-d", "-w") {
		c.flag(HistoryOrKeys, "alters the shell's history")
	}
	return s, s
}

func crontab(c *checker, args []string, s *state) (ok, failed *state) {
	if given, _ := parse(args, "u"); given.has("-r") {
		c.flag(Delete, "deletes the user's scheduled jobs")
	}
	return s, s
}
