package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// systemTrees and systemFiles are what programs need of the machine, read-only.
var (
	systemTrees = []string{"/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/alternatives", "/etc/ssl/certs", "/etc/fonts"}
	systemFiles = []string{"/etc/ld.so.cache", "/etc/localtime", "/etc/matplotlibrc", "/etc/mime.types"}
)

// scratch is the size of a private /tmp, in bytes.
const scratch = 256 << 20

// readable is everything that the program may read outside its workspace.
func (p *process) readable() []string {
	all := append([]string{}, systemTrees...)
	all = append(all, systemFiles...)
	all = append(all, p.runner.config.ReadOnly...)
	all = append(all, p.runner.launcher, p.spec.Script)
	all = append(all, p.spec.ReadOnly...)
	slices.Sort(all) // a tree comes before what lies below it
	all = slices.Compact(all)
	return slices.DeleteFunc(all, func(path string) bool { return path == "" })
}

// bubblewrap is the command line up to the program; filterFD is where it reads the
// seccomp filter. What is not named does not exist inside.
func (p *process) bubblewrap(filterFD int) []string {
	a := []string{"bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--seccomp", strconv.Itoa(filterFD)}
	// The private /tmp first: what is mounted below it must not be covered.
	a = append(a, "--size", strconv.Itoa(scratch), "--tmpfs", "/tmp")
	for _, path := range p.readable() {
		a = append(a, bind(path)...)
	}
	if p.runner.proc {
		a = append(a, "--proc", "/proc")
	} else {
		a = append(a, "--dir", "/proc") // the host's would show the host's processes
	}
	a = append(a,
		"--dev", "/dev", "--size", "16777216", "--tmpfs", "/dev/shm", "--remount-ro", "/dev",
		"--bind", p.spec.Workspace, insideWorkspace)
	if p.door != nil {
		a = append(a, "--ro-bind", p.door.path, insideSocket)
	}
	if p.egress != nil {
		a = append(a, "--ro-bind", p.egress.bundle, insideCA)
	}
	return append(a, "--remount-ro", "/", "--chdir", insideWorkspace, "--")
}

// bind makes a path readable inside. On merged-usr systems /bin and /lib are symbolic
// links, which must stay links.
func bind(path string) []string {
	if target, err := os.Readlink(path); err == nil && filepath.Dir(path) == "/" {
		return []string{"--symlink", target, path}
	}
	if strings.HasPrefix(path, "/usr/") {
		return nil // /usr is there already
	}
	return []string{"--ro-bind-try", path, path}
}
