package shellcheck

import (
	"path"
	"slices"
	"strings"
)

// wrapper is a program that runs the command after its options and its first operands.
func wrapper(valued string, first int) builtin {
	return func(c *checker, args []string, s *state) (ok, failed *state) {
		rest := wrapped(args, valued, first)
		for len(rest) > 0 && isAssignment(rest[0]) { // sudo A=b command
			rest = rest[1:]
		}
		return c.run(rest, s)
	}
}

func isAssignment(word string) bool {
	name, _, found := strings.Cut(word, "=")
	return found && name != "" && !strings.ContainsAny(name, "/-. ")
}

// command, builtin and exec run their argument; with -v they only name it.
func command(c *checker, args []string, s *state) (ok, failed *state) {
	if len(args) > 1 && (args[0] == "-v" || args[0] == "-V") {
		s.print(args[1] + "\n")
		return s, s
	}
	return c.run(wrapped(args, "a", 0), s)
}

func env(c *checker, args []string, s *state) (ok, failed *state) {
	for i, a := range args {
		if script, is := strings.CutPrefix(a, "-S"); is {
			return c.nested(script+" "+strings.Join(args[i+1:], " "), s.clone())
		}
		if script, is := strings.CutPrefix(a, "--split-string="); is {
			return c.nested(script+" "+strings.Join(args[i+1:], " "), s.clone())
		}
		if !strings.HasPrefix(a, "-") && !isAssignment(a) {
			break
		}
	}
	rest := wrapped(args, "u C unset chdir", 0)
	inner := s.clone()
	for len(rest) > 0 && isAssignment(rest[0]) {
		name, value, _ := strings.Cut(rest[0], "=")
		inner.set(name, value)
		rest = rest[1:]
	}
	c.run(rest, inner)
	return s, s
}

// dashC is a program that gives the value of an option to a shell.
func dashC(option string) builtin {
	return func(c *checker, args []string, s *state) (ok, failed *state) {
		given, _ := parse(args, "c s g G u command")
		for _, script := range append(given.values(option), given.values("--command")...) {
			c.generated(script, s.clone())
		}
		if !given.has(option, "--command") && s.stdin != nil {
			c.runInput(s.clone())
		}
		return s, s
	}
}

func flock(c *checker, args []string, s *state) (ok, failed *state) {
	if i := slices.Index(args, "-c"); i >= 0 && i+1 < len(args) {
		c.generated(args[i+1], s.clone())
		return s, s
	}
	return c.run(wrapped(args, "w E timeout conflict-exit-code", 1), s)
}

// joinedShell joins its arguments and gives them to a shell, as watch does.
func joinedShell(c *checker, args []string, s *state) (ok, failed *state) {
	c.generated(strings.Join(wrapped(args, "n interval", 0), " "), s.clone())
	return s, s
}

// ssh runs its arguments elsewhere; what is destructive here is destructive there.
func ssh(c *checker, args []string, s *state) (ok, failed *state) {
	rest := wrapped(args, "b c D E e F I i J L l m O o p Q R S W w", 1)
	inner := s.clone()
	inner.set("PWD", home)
	c.generated(strings.Join(rest, " "), inner)
	return s, s
}

// reader takes commands from its input.
func reader(c *checker, _ []string, s *state) (ok, failed *state) {
	c.runInput(s.clone())
	return s, s
}

// shell is sh and its relatives: commands come from -c, from a file, or from the input.
func shell(c *checker, args []string, s *state) (ok, failed *state) {
	inner := s.clone()
	inner.depth++
	inner.aliases, inner.unlikely = map[string]string{}, false
	script, operands, kind := shellArguments(args)
	inner.positional(operands)
	switch kind {
	case fromOption:
		if len(operands) > 0 {
			inner.set("0", operands[0])
			inner.positional(operands[1:])
		}
		c.generated(script, inner)
	case fromFile:
		c.runFile(script, inner)
	case fromInput:
		c.runInput(inner)
	}
	return s, s
}

// source of the commands of a shell.
const (
	fromInput = iota
	fromOption
	fromFile
)

func shellArguments(args []string) (script string, operands []string, kind int) {
	command, input := false, false
	for len(args) > 0 && len(args[0]) > 1 && (args[0][0] == '-' || args[0][0] == '+') {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		if strings.HasPrefix(a, "--") {
			if (a == "--rcfile" || a == "--init-file") && len(args) > 0 {
				args = args[1:]
			}
			continue
		}
		command = command || strings.Contains(a, "c")
		input = input || strings.Contains(a, "s")
		if strings.HasSuffix(a, "o") || strings.HasSuffix(a, "O") {
			args = args[min(1, len(args)):]
		}
	}
	switch {
	case command && len(args) > 0:
		return args[0], args[1:], fromOption
	case input, len(args) == 0, args[0] == "-":
		return "", args, fromInput
	}
	return args[0], args[1:], fromFile
}

// xargs runs its command with what it reads.
func xargs(c *checker, args []string, s *state) (ok, failed *state) {
	valued := "I n P L d s a E max-args max-procs max-lines delimiter arg-file replace"
	rest := wrapped(args, valued, 0)
	given, _ := parse(args[:len(args)-len(rest)], valued)
	if len(rest) == 0 {
		rest = []string{"echo"}
	}
	inner := s.clone()
	inner.stdin = nil
	if replace := slices.Concat(given.values("-I"), given.values("--replace"), given.values("-i")); len(replace) > 0 {
		lines := inputLines(s)
		for _, line := range lines[:min(len(lines), maxAlternatives)] {
			c.run(replaced(rest, replace[0], line), inner.clone())
		}
		return s, s
	}
	c.run(slices.Concat(rest, inputItems(s, given)), inner)
	return s, s
}

func inputItems(s *state, given options) []string {
	if given.has("-a", "--arg-file") {
		return []string{unknown}
	}
	input, known := s.input()
	if !known {
		return []string{unknown}
	}
	items := strings.FieldsFunc(input, func(r rune) bool { return r == '\n' || r == 0 || r == ' ' || r == '\t' })
	for i, item := range items {
		items[i] = strings.Trim(item, `"'`)
	}
	return items[:min(len(items), maxFields)]
}

func replaced(args []string, old, item string) []string {
	if old == "" {
		old = "{}"
	}
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = clipped(strings.ReplaceAll(a, old, item))
	}
	return out
}

// parallel runs its command with the words after ::: or with what it reads.
func parallel(c *checker, args []string, s *state) (ok, failed *state) {
	command, items := wrapped(args, "j jobs", 0), []string(nil)
	if i := slices.Index(command, ":::"); i >= 0 {
		command, items = command[:i], command[i+1:]
	} else {
		items = inputItems(s, nil)
	}
	joined := strings.Join(command, " ")
	if !strings.Contains(joined, "{") {
		joined += " {}"
	}
	for _, item := range items[:min(len(items), maxAlternatives)] {
		line := strings.NewReplacer("{}", item, "{.}", strings.TrimSuffix(item, path.Ext(item)), "{/}", path.Base(item)).Replace(joined)
		c.generated(clipped(line), s.clone())
	}
	return s, s
}
