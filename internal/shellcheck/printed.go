package shellcheck

import (
	"encoding/base64"
	"encoding/hex"
	"path"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
)

// printed is what a program prints, as far as that can be worked out from its arguments and input.
func (c *checker) printed(name string, args []string, s *state) string {
	switch name {
	case "echo":
		return echo(args)
	case "pwd":
		return s.dir() + "\n"
	case "cat", "tac", "tee", "sort", "uniq", "head", "tail", "shuf", "nl", "grep", "egrep", "fgrep", "rg":
		return c.passed(name, args, s)
	case "base64", "base32", "xxd", "rev", "tr", "openssl", "gunzip", "zcat":
		return decoded(name, args, s)
	case "basename", "dirname", "realpath", "readlink", "which", "type", "mktemp", "seq", "ls", "fd", "fdfind":
		return named(c, name, args, s)
	case "git":
		return gitPrints(c, args)
	case "curl", "wget", "nc", "ncat", "netcat", "fetch", "aria2c", "lynx", "http", "https":
		return fetched
	case "rm", "rmdir", "mkdir", "touch", "cp", "mv", "ln", "chmod", "chown", "kill", "sleep", "wait", "true", "false", ":", "test", "[", "export":
		return ""
	}
	return unknown
}

func echo(args []string) string {
	end, escapes := "\n", false
	for len(args) > 0 && len(args[0]) > 1 && strings.Trim(args[0], "neE") == "-" {
		if strings.Contains(args[0], "n") {
			end = ""
		}
		escapes = escapes || strings.Contains(args[0], "e")
		args = args[1:]
	}
	line := strings.Join(args, " ")
	if escapes {
		line = unescaped(line)
	}
	return line + end
}

// unescaped carries out the escapes of echo -e, whose octal numbers begin with \0.
func unescaped(line string) string {
	out, _, err := expand.Format(nil, strings.ReplaceAll(line, `\0`, `\`), nil)
	if err != nil {
		return unknown
	}
	return out
}

// format is printf; the format is used again while there are arguments.
func format(args []string) string {
	if len(args) == 0 || tooWide(args[0]) {
		return unknown
	}
	form, args := strings.TrimPrefix(args[0], "--"), append([]string{}, args[1:]...)
	var all strings.Builder
	for {
		out, used, err := expand.Format(nil, form, args)
		if err != nil || all.Len() > maxValue {
			return unknown
		}
		all.WriteString(out)
		args = args[used:]
		if used == 0 || len(args) == 0 {
			return all.String()
		}
	}
}

// tooWide finds widths such as %1000000d in a format.
func tooWide(form string) bool {
	digits := 0
	for _, r := range form {
		if digits++; r < '0' || r > '9' {
			digits = 0
		}
		if digits > 3 {
			return true
		}
	}
	return false
}

// passed is what filters let through of the files that they read, or of their input. A part of it is taken for the whole.
func (c *checker) passed(name string, args []string, s *state) string {
	given, operands := parse(args, "n c k t S T o e f m A B C g max-count")
	input, known := s.input()
	if !known {
		input = unknown
	}
	switch name {
	case "tee":
		for _, file := range operands {
			c.wrote(c.path(s, file), input)
		}
		return input
	case "grep", "egrep", "fgrep", "rg":
		if !given.has("-e", "-f") && len(operands) > 0 {
			operands = operands[1:]
		}
		return grepped(name, given, operands, input)
	}
	if len(operands) == 0 || operands[0] == "-" {
		return input
	}
	var all strings.Builder
	for _, file := range operands {
		all.WriteString(c.content(s, file))
	}
	return clipped(all.String())
}

// grepped is names of files with -l, else lines.
func grepped(name string, given options, operands []string, input string) string {
	if given.has("-o", "-c", "--only-matching", "--count") {
		return unknown
	}
	if !given.has("-l", "-L", "--files-with-matches", "--files") {
		if len(operands) == 0 {
			return input
		}
		return unknown
	}
	if len(operands) == 0 {
		operands = []string{"."}
	}
	if given.has("-r", "-R", "--recursive") || name == "rg" {
		for i := range operands {
			operands[i] = strings.TrimSuffix(operands[i], "/") + "/(some)"
		}
	}
	return strings.Join(operands, "\n") + "\n"
}

// decoded turns a disguise into text.
func decoded(name string, args []string, s *state) string {
	input, known := s.input()
	given, operands := parse(args, "w in out")
	if !known || uncertain(input) {
		if strings.Contains(input, fetched) {
			return fetched
		}
		return unknown
	}
	input = strings.TrimSpace(input)
	switch {
	case name == "base64" && given.has("-d", "-D", "--decode"), name == "openssl" && slices.Contains(args, "-d") && slices.Contains(append(args, operands...), "base64"), name == "openssl" && slices.Contains(args, "-base64") && slices.Contains(args, "-d"):
		plain, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(input), ""))
		return orMark(plain, err)
	case name == "xxd" && given.has("-r"):
		plain, err := hex.DecodeString(strings.Join(strings.Fields(input), ""))
		return orMark(plain, err)
	case name == "rev":
		r := []rune(input)
		slices.Reverse(r)
		return string(r) + "\n"
	case name == "tr":
		return translated(given, operands, input)
	}
	return unknown
}

func orMark(plain []byte, err error) string {
	if err != nil {
		return unknown
	}
	return string(plain)
}

// translated is tr for sets of plain characters and ranges.
func translated(given options, operands []string, input string) string {
	if len(operands) == 0 {
		return unknown
	}
	from := characters(operands[0])
	if given.has("-d") {
		return strings.Map(func(r rune) rune {
			if slices.Contains(from, r) {
				return -1
			}
			return r
		}, input)
	}
	if len(operands) < 2 {
		return input // -s
	}
	to := characters(operands[1])
	if len(to) == 0 {
		return unknown
	}
	return strings.Map(func(r rune) rune {
		if i := slices.Index(from, r); i >= 0 {
			return to[min(i, len(to)-1)]
		}
		return r
	}, input)
}

// characters spells out a set of tr.
func characters(spec string) []rune {
	spec = strings.NewReplacer("[:upper:]", "A-Z", "[:lower:]", "a-z", "[:digit:]", "0-9", "[:space:]", " \t\n").Replace(unescaped(spec))
	r := []rune(spec)
	var all []rune
	for i := 0; i < len(r); i++ {
		if i+2 < len(r) && r[i+1] == '-' && r[i] <= r[i+2] && r[i+2]-r[i] < 256 {
			for x := r[i]; x <= r[i+2]; x++ {
				all = append(all, x)
			}
			i += 2
			continue
		}
		all = append(all, r[i])
	}
	return all
}

// named is what programs print that turn names into names.
func named(c *checker, name string, args []string, s *state) string {
	valued := "s p suffix tmpdir e E t d"
	if name == "ls" {
		valued = "w I"
	}
	given, operands := parse(args, valued)
	switch name {
	case "mktemp":
		return "/tmp/tmp.new\n"
	case "seq":
		return sequence(operands)
	case "ls", "fd", "fdfind":
		return listed(name, given, operands)
	}
	if len(operands) == 0 {
		return unknown
	}
	switch name {
	case "basename":
		base := path.Base(operands[0])
		for _, suffix := range append(operands[1:], given.values("-s")...) {
			base = strings.TrimSuffix(base, suffix)
		}
		return base + "\n"
	case "dirname":
		return path.Dir(operands[0]) + "\n"
	case "realpath", "readlink":
		return c.path(s, operands[0]) + "\n"
	}
	return operands[len(operands)-1] + "\n" // which
}

func sequence(operands []string) string {
	if len(operands) == 0 {
		return unknown
	}
	last, err := strconv.Atoi(operands[len(operands)-1])
	if err != nil {
		return "1\n"
	}
	var all strings.Builder
	for i := range min(last, maxAlternatives/2) {
		all.WriteString(strconv.Itoa(i+1) + "\n")
	}
	return all.String()
}

// listed are patterns for the names that a listing shows.
func listed(name string, given options, operands []string) string {
	if name != "ls" && len(operands) > 0 {
		return "./(" + operands[0] + ")\n"
	}
	if given.has("-l") {
		return unknown
	}
	if len(operands) == 0 {
		return "*\n"
	}
	return strings.Join(operands, "\n") + "\n"
}

func gitPrints(c *checker, args []string) string {
	switch {
	case slices.Contains(args, "--show-toplevel"):
		return c.workspace + "\n"
	case len(args) > 0 && (args[0] == "ls-files" || args[0] == "grep" || args[0] == "diff"):
		return "./(some)\n"
	}
	return unknown
}
