package shellcheck

import (
	"slices"
	"strings"
)

// find runs commands on, or deletes, what it finds.
func find(c *checker, args []string, s *state) (ok, failed *state) {
	q := parseFind(args)
	found := q.found()
	if q.deletes {
		for _, f := range found {
			c.remove(s, f)
		}
	}
	for _, file := range q.writes {
		c.write(s, file)
	}
	for _, command := range q.commands {
		for _, f := range found[:min(len(found), maxAlternatives)] {
			c.run(replaced(command, "{}", f), s.clone())
		}
	}
	if !q.deletes && len(q.commands) == 0 {
		s.print(strings.Join(found, "\n") + "\n")
	}
	return s, s
}

// findQuery is what an invocation of find looks for and does.
type findQuery struct {
	starts   []string
	names    []string // patterns of names, paths for those with a slash
	filtered bool     // something other than the name decides too
	deletes  bool
	commands [][]string
	writes   []string
}

func parseFind(args []string) findQuery {
	var q findQuery
	i := 0
	for ; i < len(args) && strings.HasPrefix(args[i], "-") && slices.Contains([]string{"-H", "-L", "-P"}, args[i]); i++ {
	}
	for ; i < len(args) && !strings.HasPrefix(args[i], "-") && args[i] != "!" && args[i] != "("; i++ {
		q.starts = append(q.starts, args[i])
	}
	if len(q.starts) == 0 {
		q.starts = []string{"."}
	}
	negated := false
	for ; i < len(args); i++ {
		if args[i] == "!" || args[i] == "-not" {
			negated = true
			continue
		}
		i += q.predicate(args[i], args[i+1:], negated)
		negated = false
	}
	return q
}

// predicate takes one test or action; it returns how many arguments belong to it.
func (q *findQuery) predicate(name string, rest []string, negated bool) int {
	switch name {
	case "-delete":
		q.deletes = true
	case "-exec", "-execdir", "-ok", "-okdir":
		end := slices.IndexFunc(rest, func(a string) bool { return a == ";" || a == "+" })
		if end < 0 {
			end = len(rest)
		}
		q.commands = append(q.commands, rest[:end])
		return min(end+1, len(rest))
	case "-name", "-iname", "-path", "-ipath", "-wholename", "-regex", "-iregex":
		if len(rest) > 0 && !negated {
			q.names = append(q.names, strings.ReplaceAll(rest[0], ".*", "*"))
		}
		return 1
	case "-fprint", "-fprintf", "-fls", "-fprint0":
		q.writes = append(q.writes, rest[:min(1, len(rest))]...)
		return 1
	case "-mtime", "-mmin", "-atime", "-amin", "-ctime", "-cmin", "-size", "-newer", "-user", "-group", "-perm", "-links", "-inum":
		q.filtered = q.filtered || !negated
		return 1
	case "-empty":
		q.filtered = q.filtered || !negated
	case "-type", "-maxdepth", "-mindepth", "-printf":
		return 1
	}
	return 0
}

// found are patterns of the paths that it finds.
func (q findQuery) found() []string {
	var all []string
	for _, start := range q.starts {
		for _, name := range q.names {
			if strings.Contains(name, "/") {
				all = append(all, name)
			} else {
				all = append(all, strings.TrimSuffix(start, "/")+"/"+name)
			}
		}
		switch {
		case len(q.names) > 0:
		case q.filtered:
			all = append(all, strings.TrimSuffix(start, "/")+"/(some)")
		default:
			all = append(all, strings.TrimSuffix(start, "/")+"/*")
		}
	}
	return all
}
