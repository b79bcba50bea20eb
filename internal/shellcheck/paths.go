package shellcheck

import (
	"path"
	"regexp"
	"strings"
)

// place is where a path leads, as far as writing and deleting are concerned.
type place int

const (
	inside     place = iota // a named part of the workspace, or a named temporary file
	everything              // the whole workspace, by its name, a parent's, or a pattern
	stream                  // /dev/null, descriptors, the terminal
	outside
	secret // histories, keys, credentials
	device
	unclear // cannot be known before the command runs
)

// path is the absolute, cleaned path of a name, through the links that the command itself made.
func (c *checker) path(s *state, name string) string {
	if rest, ok := strings.CutPrefix(name, "~"); ok && (rest == "" || rest[0] == '/') {
		name = home + rest
	}
	if !path.IsAbs(name) {
		name = s.dir() + "/" + name
	}
	name = path.Clean(name)
	for range 8 { // links to links
		changed := false
		for link, target := range c.links {
			if rest, ok := strings.CutPrefix(name, link+"/"); ok {
				name, changed = path.Join(target, rest), true
			}
		}
		if !changed {
			break
		}
	}
	return name
}

// locate tells where a name leads.
func (c *checker) locate(s *state, name string) place {
	if strings.HasPrefix(name, "~") && !strings.HasPrefix(name, "~/") && name != "~" {
		return outside // somebody else's home
	}
	full := c.path(s, name)
	known, rest, uncertain := cutMark(full)
	if uncertain {
		return c.locateUncertain(known, rest)
	}
	return c.locatePath(full)
}

// cutMark divides a path before its first mark.
func cutMark(name string) (known, rest string, found bool) {
	if i := strings.IndexAny(name, marks); i >= 0 {
		return name[:i], name[i:], true
	}
	return name, "", false
}

// locateUncertain judges a path of which only the beginning is known. "dir/" and then something unknown may be all of dir;
// a part of a name ("out_…", "….csv") is taken for the name that it looks like.
func (c *checker) locateUncertain(known, rest string) place {
	dir, name := path.Split(known)
	dir = path.Clean("/" + dir)
	ending := strings.TrimLeft(rest, marks)
	if known == "" || strings.Contains(ending, "..") {
		return unclear
	}
	if within(dir, c.workspace) && (dir != c.workspace || name != "" || strings.HasPrefix(ending, ".")) {
		return inside
	}
	if dir == c.workspace {
		return unclear
	}
	return c.locatePath(path.Join(dir, name+"x"))
}

func (c *checker) locatePath(full string) place {
	switch {
	case full == c.workspace:
		return everything
	case within(full, c.workspace):
		for part := range strings.SplitSeq(full[len(strings.TrimSuffix(c.workspace, "/"))+1:], "/") {
			if !wildcard(part) {
				return inside
			}
		}
		return everything
	case streams.MatchString(full):
		return stream
	case secrets.MatchString(full):
		return secret
	case devices.MatchString(full):
		return device
	case temporary(full) && !within(c.workspace, full):
		return inside
	}
	return outside
}

// within tells whether a path is a directory or lies below it.
func within(full, dir string) bool {
	return full == dir || strings.HasPrefix(full, strings.TrimSuffix(dir, "/")+"/")
}

var wildcards = regexp.MustCompile(`^(\*|\?|\.|\[[^\]]*\])*$`)

// wildcard tells a pattern that spares nothing, such as *, .* or [!.]*.
func wildcard(name string) bool { return strings.Contains(name, "*") && wildcards.MatchString(name) }

// temporary tells a named file among the temporary ones.
func temporary(full string) bool {
	for _, dir := range []string{"/tmp/", "/var/tmp/", "/dev/shm/"} {
		if name, ok := strings.CutPrefix(full, dir); ok {
			first, _, _ := strings.Cut(name, "/")
			return !wildcard(first)
		}
	}
	return false
}

var (
	streams = regexp.MustCompile(`^/dev/(null|zero|full|tty|stdin|stdout|stderr|fd/\d+)$|^/proc/self/fd/\d+$`)
	devices = regexp.MustCompile(`^/(dev|proc|sys)(/|$)`)
	secrets = regexp.MustCompile(`^(/home/[^/]+|/root)/(\.(ssh|gnupg|aws|azure|kube|netrc|pgpass|git-credentials|password-store|npmrc|pypirc)(/|$)|` +
		`\.docker/config\.json|\.config/(gh|gcloud)(/|$)|\.[a-z_]*_?history$|\.histfile$)|` +
		`^/etc/(g?shadow-?|ssh(/ssh_host.*|/\*)?|ssl/private(/.*)?|krb5\.keytab)$|^/proc/(\d+|\*)/(environ|mem)$|^/(dev/)?k?mem$`)
)

// remove judges that a file is deleted.
func (c *checker) remove(s *state, name string) {
	c.judge(s, name, Delete, "deletes")
}

// write judges that a file is overwritten. Everything in the workspace may be written to.
func (c *checker) write(s *state, name string) {
	c.judge(s, name, Overwrite, "writes to")
}

// permit judges that a file's permissions or owner are changed.
func (c *checker) permit(s *state, name string) {
	c.judge(s, name, Permissions, "changes the permissions of")
}

func (c *checker) judge(s *state, name string, kind Kind, verb string) {
	switch c.locate(s, name) {
	case everything:
		if kind == Delete {
			c.flag(kind, "%s everything in the workspace: name what is to go", verb)
		}
	case outside:
		c.flag(kind, "%s %s, which is outside the workspace", verb, c.path(s, name))
	case secret:
		c.flag(HistoryOrKeys, "%s %s, which holds a history, keys or credentials", verb, c.path(s, name))
	case device:
		c.flag(Device, "%s %s, a device or a file of the kernel", verb, c.path(s, name))
	case unclear:
		c.flag(kind, "%s a path that cannot be known before it runs: %s", verb, name)
	}
}

// uses judges that a file is read or named.
func (c *checker) uses(s *state, name string) {
	if c.locate(s, name) == secret {
		c.flag(HistoryOrKeys, "uses %s, which holds a history, keys or credentials", c.path(s, name))
	}
}
