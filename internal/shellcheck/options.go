package shellcheck

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// option is one that a command was given.
type option struct {
	name  string // with its dashes
	value string
}

// options are what a command was given.
type options []option

// parse divides arguments in options and operands, as getopt_long does. valued names the options that take a value, without
// dashes, separated by spaces; operands may stand between options.
func parse(args []string, valued string) (options, []string) {
	var found options
	var operands []string
	takes := strings.Fields(valued)
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			return found, append(operands, args[i+1:]...)
		case strings.HasPrefix(a, "--"):
			name, value, given := strings.Cut(a, "=")
			if !given && slices.Contains(takes, name[2:]) && i+1 < len(args) {
				i++
				value = args[i]
			}
			found = append(found, option{name, value})
		case len(a) > 1 && a[0] == '-':
			var more options
			more, i = cluster(args, i, takes)
			found = append(found, more...)
		default:
			operands = append(operands, a)
		}
	}
	return found, operands
}

// cluster takes letters that share a dash; i is the index of the last argument used.
func cluster(args []string, i int, takes []string) (options, int) {
	var found options
	letters := args[i][1:]
	for at, letter := range letters {
		name := string(letter)
		if !slices.Contains(takes, name) {
			found = append(found, option{name: "-" + name})
			continue
		}
		if rest := letters[at+len(name):]; rest != "" {
			return append(found, option{"-" + name, rest}), i
		}
		if i+1 < len(args) {
			return append(found, option{"-" + name, args[i+1]}), i + 1
		}
	}
	return found, i
}

// has tells whether any of the options was given.
func (o options) has(names ...string) bool {
	return slices.ContainsFunc(o, func(given option) bool { return slices.Contains(names, given.name) })
}

// values are those of all options of these names.
func (o options) values(names ...string) []string {
	var all []string
	for _, given := range o {
		if slices.Contains(names, given.name) {
			all = append(all, given.value)
		}
	}
	return all
}

// wrapped is the command that follows the options of a wrapper such as sudo. first operands belong to the wrapper itself.
func wrapped(args []string, valued string, first int) []string {
	takes := strings.Fields(valued)
	i := 0
	for ; i < len(args) && len(args[i]) > 1 && args[i][0] == '-'; i++ {
		if args[i] == "--" {
			i++
			break
		}
		if strings.HasPrefix(args[i], "--") {
			if !strings.Contains(args[i], "=") && slices.Contains(takes, args[i][2:]) {
				i++
			}
			continue
		}
		_, i = cluster(args, i, takes)
	}
	return args[min(i+first, len(args)):]
}

// quoted makes words of a shell script.
func quoted(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		q, err := syntax.Quote(a, syntax.LangBash)
		if err != nil { // unprintable; a mark survives plain quotes
			q = "'" + strings.ReplaceAll(strings.ReplaceAll(a, "'", `'\''`), "\x00", "") + "'"
		}
		words[i] = q
	}
	return strings.Join(words, " ")
}
