package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// profile is a seccomp profile as Docker reads it, as far as ours goes.
type profile struct {
	DefaultAction   string `json:"defaultAction"`
	DefaultErrnoRet uint32 `json:"defaultErrnoRet"`
	Architectures   []string
	Syscalls        []struct {
		Comment string
		Names   []string
		Action  string
		Args    []struct {
			Index uint
			Value uint64
			Op    string
		}
	}
}

// makesNamespaces are the calls without which there is no level namespaced: bubblewrap makes its mounts with them.
var makesNamespaces = []string{"mount", "umount2", "pivot_root", "unshare", "clone"}

// harmful are calls that a container has no business with, whatever runs in it.
var harmful = []string{
	"bpf", "perf_event_open", "kexec_load", "init_module", "finit_module", "keyctl", "add_key", "request_key", "userfaultfd", "io_uring_setup",
	"open_by_handle_at", "ptrace", "process_vm_readv", "reboot", "swapon", "clock_settime", "settimeofday", "iopl", "ioperm", "fsopen", "move_mount", "acct", "syslog",
}

func profilePath(checkout string) string { return filepath.Join(checkout, "docker", "seccomp.json") }

func readProfile(path string) (*profile, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p := &profile{}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(p); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

func lintSeccomp(_ context.Context, checkout string) ([]string, error) {
	path := profilePath(checkout)
	p, err := readProfile(path)
	if err != nil {
		return nil, err
	}
	var found []string
	if p.DefaultAction != "SCMP_ACT_ERRNO" || p.DefaultErrnoRet != uint32(unix.EPERM) {
		found = append(found, path+": what is not named has to be denied, with EPERM")
	}
	for _, name := range makesNamespaces {
		if !p.allows(name) {
			found = append(found, fmt.Sprintf("%s: bubblewrap needs %s", path, name))
		}
	}
	for _, name := range harmful {
		if p.allows(name) {
			found = append(found, fmt.Sprintf("%s: nothing needs %s", path, name))
		}
	}
	if _, err := p.filter(); err != nil {
		found = append(found, fmt.Sprintf("%s: %v", path, err))
	}
	return found, nil
}

func (p *profile) allows(name string) bool {
	for _, group := range p.Syscalls {
		if slices.Contains(group.Names, name) {
			return true
		}
	}
	return false
}

// without is the profile less some calls.
func (p *profile) without(names []string) {
	for i := range p.Syscalls {
		p.Syscalls[i].Names = slices.DeleteFunc(p.Syscalls[i].Names, func(n string) bool { return slices.Contains(names, n) })
	}
}

// filter is the profile for this machine as the kernel, and bubblewrap, take it. Names that this
// architecture does not have are left out, as Docker leaves them out.
func (p *profile) filter() ([]byte, error) {
	machine, err := arch.GetInfo("")
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for name := range machine.SyscallNames {
		known[name] = true
	}
	allow := seccomp.SyscallGroup{Action: seccomp.ActionAllow}
	for _, group := range p.Syscalls {
		for _, name := range group.Names {
			switch {
			case !known[name]:
			case len(group.Args) == 0:
				allow.Names = append(allow.Names, name)
			default:
				allow.NamesWithCondtions = append(allow.NamesWithCondtions, seccomp.NameWithConditions{Name: name,
					Conditions: []seccomp.Condition{{Argument: uint32(group.Args[0].Index), Operation: seccomp.Equal, Value: group.Args[0].Value}}})
			}
		}
	}
	instructions, err := (&seccomp.Policy{DefaultAction: seccomp.ActionErrno, Syscalls: []seccomp.SyscallGroup{allow}}).Assemble()
	if err != nil {
		return nil, err
	}
	raw, err := bpf.Assemble(instructions)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, i := range raw {
		if err := binary.Write(&b, binary.NativeEndian, unix.SockFilter{Code: i.Op, Jt: i.Jt, Jf: i.Jf, K: i.K}); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
