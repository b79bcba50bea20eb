package sandbox

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// denied are system calls that no subagent needs: the kernel's administration and rare
// corners, other processes, and memory that no limit counts.
var denied = []string{
	"acct", "add_key", "bpf", "chroot", "clock_adjtime", "clock_settime", "create_module", "delete_module",
	"fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "get_kernel_syms", "init_module",
	"io_uring_enter", "io_uring_register", "io_uring_setup", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load",
	"keyctl", "lookup_dcookie", "mount", "mount_setattr", "move_mount", "move_pages", "name_to_handle_at", "nfsservctl",
	"open_by_handle_at", "open_tree", "perf_event_open", "personality", "pivot_root", "query_module", "quotactl",
	"quotactl_fd", "reboot", "request_key", "setdomainname", "sethostname", "setns", "settimeofday", "swapoff", "swapon",
	"sysfs", "_sysctl", "syslog", "umount2", "unshare", "uselib", "userfaultfd", "ustat", "vhangup", "vmsplice",
	"pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace",
	"memfd_create", "memfd_secret", "shmget", "shmat", "msgget", "semget", "mq_open",
}

// deniedConfined are taken away where no namespaces stand behind the filter. A process
// that leaves its group could not be found and killed; a new socket would reach the network.
var deniedConfined = []string{
	"socket", "socketpair", "setsid", "setpgid",
	"tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal", "pidfd_open",
}

// deniedSameUser are taken away besides where the program runs under the worker's own
// user: Landlock does not cover the metadata of that user's files elsewhere. It costs
// programs chmod and utime.
var deniedSameUser = []string{
	"chown", "lchown", "fchownat", "chmod", "fchmodat", "fchmodat2", "utime", "utimes", "futimesat", "utimensat",
	"setxattr", "lsetxattr", "removexattr", "lremovexattr",
}

// deniedUnscoped are signals, which Landlock keeps inside only from version 6 on.
var deniedUnscoped = []string{"kill", "tgkill"}

const newNamespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

// seccompFilter is the level's filter as the kernel takes it: struct sock_filter, 8
// bytes an instruction. It is a list of what is allowed: the library's names less the
// denied. Its default must be a denial because the library also applies it to foreign
// architectures, whose calls (int 0x80) would otherwise pass unchecked.
func seccompFilter(l Level, sameUser bool, landlockABI int) ([]byte, error) {
	info, err := arch.GetInfo("")
	if err != nil {
		return nil, fmt.Errorf("seccomp: %w", err)
	}
	deny := slices.Clone(denied)
	if l == Confined {
		deny = append(deny, deniedConfined...)
		if sameUser {
			deny = append(deny, deniedSameUser...)
		}
		if landlockABI < 6 {
			deny = append(deny, deniedUnscoped...)
		}
	}
	special := []string{"clone", "clone3", "socket"}
	var allow []string
	for name := range info.SyscallNames {
		if !slices.Contains(deny, name) && !slices.Contains(special, name) {
			allow = append(allow, name)
		}
	}
	slices.Sort(allow)
	policy := seccomp.Policy{
		DefaultAction: seccomp.ActionErrno,
		Syscalls: []seccomp.SyscallGroup{
			// glibc falls back to clone(2), whose flags can be looked at, only on ENOSYS.
			{Action: seccomp.Action(uint32(seccomp.ActionErrno)&^0xffff | uint32(unix.ENOSYS)), Names: []string{"clone3"}},
			{Action: seccomp.ActionAllow, Names: allow, NamesWithCondtions: conditions(l)},
		},
	}
	instructions, err := policy.Assemble()
	if err != nil {
		return nil, fmt.Errorf("assemble the seccomp filter: %w", err)
	}
	return encode(instructions)
}

func conditions(l Level) []seccomp.NameWithConditions {
	c := []seccomp.NameWithConditions{{
		Name:       "clone",
		Conditions: []seccomp.Condition{{Argument: 0, Operation: seccomp.BitsNotSet, Value: newNamespaces}},
	}}
	if l == Namespaced { // the namespace has no network but its own loopback, where an egress proxy may listen
		for _, family := range []uint64{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6} {
			c = append(c, seccomp.NameWithConditions{
				Name: "socket", Conditions: []seccomp.Condition{{Argument: 0, Operation: seccomp.Equal, Value: family}},
			})
		}
	}
	return c
}

func encode(instructions []bpf.Instruction) ([]byte, error) {
	raw, err := bpf.Assemble(instructions)
	if err != nil {
		return nil, fmt.Errorf("assemble the seccomp filter: %w", err)
	}
	var b bytes.Buffer
	for _, i := range raw {
		b.Write(binary.NativeEndian.AppendUint16(nil, i.Op))
		b.WriteByte(i.Jt)
		b.WriteByte(i.Jf)
		b.Write(binary.NativeEndian.AppendUint32(nil, i.K))
	}
	return b.Bytes(), nil
}
