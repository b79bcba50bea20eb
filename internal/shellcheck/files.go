package shellcheck

import (
	"net/url"
	"path"
	"strings"
)

// destination divides operands in sources and the place they go to.
func destination(given options, operands []string) (sources []string, to string) {
	if into := given.values("-t", "--target-directory"); len(into) > 0 {
		return operands, into[0]
	}
	if len(operands) < 2 {
		return operands, ""
	}
	return operands[:len(operands)-1], operands[len(operands)-1]
}

const copyOptions = "t S m o g P i l F target-directory suffix mode owner group"

func copies(c *checker, args []string, s *state) {
	given, operands := parse(args, copyOptions)
	sources, to := destination(given, operands)
	if to == "" || remote(to) {
		return
	}
	c.write(s, to)
	for _, from := range sources {
		if versions := c.files[c.path(s, from)]; len(versions) > 0 {
			c.wrote(c.path(s, to), strings.Join(versions, "\n"))
		}
	}
}

// remote tells a place on another machine.
func remote(name string) bool {
	host, _, found := strings.Cut(name, ":")
	return found && !strings.Contains(host, "/")
}

// mv takes files from where they are: what leaves the workspace, or falls into /dev/null, is deleted from it.
func mv(c *checker, args []string, s *state) {
	given, operands := parse(args, copyOptions)
	sources, to := destination(given, operands)
	if to == "" {
		return
	}
	c.write(s, to)
	lost := c.locate(s, to) != inside
	for _, from := range sources {
		if where := c.locate(s, from); where == everything && !lost && c.path(s, from) != c.workspace {
			continue // mv * sub/
		}
		c.remove(s, from)
		if versions := c.files[c.path(s, from)]; len(versions) > 0 {
			c.wrote(c.path(s, to), strings.Join(versions, "\n"))
		}
	}
	if c.path(s, to) == "/dev/null" {
		c.flag(Delete, "moves files onto /dev/null, which loses them")
	}
}

// ln makes links; where the command itself made them, paths are followed through them.
func ln(c *checker, args []string, s *state) {
	given, operands := parse(args, "t S target-directory suffix")
	targets, name := destination(given, operands)
	if name == "" {
		return
	}
	c.write(s, name)
	for _, target := range targets {
		if len(c.links) < maxFields && !uncertain(target) {
			c.links[c.path(s, name)] = c.path(s, target)
		}
	}
}

func rsync(c *checker, args []string, s *state) {
	given, operands := parse(args, "e f B M T exclude include rsh filter files-from exclude-from include-from")
	_, to := destination(nil, operands)
	if to == "" {
		return
	}
	clears := given.has("--delete", "--del", "--delete-after", "--delete-before", "--delete-during", "--delete-delay", "--delete-excluded")
	switch {
	case clears && remote(to):
		c.flag(Delete, "deletes files on another machine")
	case clears:
		c.remove(s, to)
	case !remote(to):
		c.write(s, to)
	}
	if given.has("--remove-source-files") {
		for _, from := range operands[:len(operands)-1] {
			c.remove(s, from)
		}
	}
}

func dd(c *checker, args []string, s *state) {
	for _, a := range args {
		if target, is := strings.CutPrefix(a, "of="); is {
			c.write(s, target)
		}
	}
}

// sed writes to its operands with -i; the first operand is the script unless an option gives it.
func sed(c *checker, args []string, s *state) {
	given, operands := parse(args, "e f l expression file line-length")
	inPlace := false
	for _, o := range given {
		inPlace = inPlace || o.name == "-i" || o.name == "--in-place"
	}
	if !given.has("-e", "-f", "--expression", "--file") && len(operands) > 0 {
		operands = operands[1:]
	}
	if !inPlace {
		return
	}
	for _, name := range operands {
		c.write(s, name)
	}
}

const curlOptions = "A b c d D e E F H K m o P Q r T u U w x X y Y z C output header data request user-agent data-raw data-binary form max-time retry connect-timeout cacert cert key user proxy output-dir url"

func curl(c *checker, args []string, s *state) {
	given, operands := parse(args, curlOptions)
	for _, to := range given.values("-o", "--output") {
		c.downloaded(s, to)
	}
	if given.has("-O", "--remote-name", "--remote-name-all") {
		for _, address := range operands {
			c.downloaded(s, nameIn(address))
		}
	}
}

const wgetOptions = "O o a P e t T U Q w Y output-document output-file directory-prefix header user-agent tries timeout post-data execute"

func wget(c *checker, args []string, s *state) {
	given, operands := parse(args, wgetOptions)
	for _, dir := range given.values("-P", "--directory-prefix") {
		c.write(s, dir)
	}
	to := given.values("-O", "--output-document")
	if len(to) == 0 {
		for _, address := range operands {
			c.downloaded(s, nameIn(address))
		}
	}
	for _, name := range to {
		c.downloaded(s, name)
	}
}

// downloaded judges and remembers that a file comes from the network.
func (c *checker) downloaded(s *state, name string) {
	if name == "-" || name == "" {
		return
	}
	c.write(s, name)
	c.wrote(c.path(s, name), fetched)
}

// nameIn is the file name in an address; it never has a directory, even where the address is not known.
func nameIn(address string) string {
	u, err := url.Parse(address)
	if err != nil || uncertain(address) || u.Path == "" || u.Path == "/" {
		return "index.html"
	}
	return path.Base(u.Path)
}

// tar extracts where -C says, may delete what it packs, and may run programs.
func tar(c *checker, args []string, s *state) {
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		args = append([]string{"-" + args[0]}, args[1:]...)
	}
	given, operands := parse(args, "f C X T I b directory file exclude use-compress-program to-command checkpoint-action transform strip-components")
	for _, o := range given {
		command := strings.TrimPrefix(o.value, "exec=")
		if o.name == "--to-command" || o.name == "--use-compress-program" || o.name == "-I" || o.name == "--checkpoint-action" && command != o.value {
			c.generated(command, s.clone())
		}
	}
	for _, archive := range given.values("-f", "--file") {
		if given.has("-c", "-r", "-u", "--create") && archive != "-" {
			c.write(s, archive)
		}
	}
	extracts := given.has("-x", "--extract", "--get")
	for _, dir := range given.values("-C", "--directory") {
		if extracts {
			c.write(s, dir)
		}
	}
	if given.has("--remove-files") {
		for _, name := range operands {
			c.remove(s, name)
		}
	}
	if extracts && given.has("-P", "--absolute-names") {
		c.flag(Overwrite, "extracts to whatever paths the archive names")
	}
}

// git loses work with clean and forced pushes; elsewhere than in the workspace, with whatever changes files.
func git(c *checker, args []string, s *state) {
	inner := s.clone()
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		if (args[0] == "-C" || args[0] == "-c" || args[0] == "--git-dir" || args[0] == "--work-tree") && len(args) > 1 {
			if args[0] != "-c" {
				inner.set("PWD", c.path(inner, args[1]))
			}
			args = args[1:]
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return
	}
	given, operands := parse(args[1:], "e b m exclude")
	switch args[0] {
	case "clean":
		c.gitClean(inner, given, operands)
	case "reset", "checkout", "restore", "rm", "stash":
		if c.locate(inner, inner.dir()) != everything && c.locate(inner, inner.dir()) != inside {
			c.write(inner, inner.dir())
		}
	case "push":
		if given.has("-f", "--force", "--delete", "-d", "--mirror", "--prune") || len(operands) > 1 && strings.HasPrefix(operands[1], "+") {
			c.flag(Overwrite, "overwrites or deletes branches of another repository")
		}
	}
}

func (c *checker) gitClean(s *state, given options, operands []string) {
	if !given.has("-f", "--force") || given.has("-n", "--dry-run") {
		return
	}
	if len(operands) == 0 {
		operands = []string{"."}
	}
	for _, name := range operands {
		if c.path(s, name) == c.workspace {
			c.flag(Delete, "deletes every file of the workspace that git does not know: name what is to go")
			continue
		}
		c.remove(s, name)
	}
}
