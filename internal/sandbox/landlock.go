package sandbox

import (
	"os"

	"golang.org/x/sys/unix"
)

// landlock is what the kernel's version can restrict; see landlock(7).
type landlock struct {
	abi int // 0: the kernel has none
}

func findLandlock() landlock {
	v, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return landlock{}
	}
	return landlock{abi: int(v)}
}

const (
	readTree = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	readFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE
	// Version 1 knows everything up to here.
	firstRights = unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1
	makeDevice  = unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK
)

// filesystem are the rights that this version can take away.
func (l landlock) filesystem() uint64 {
	rights := uint64(firstRights)
	if l.abi >= 2 {
		rights |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if l.abi >= 3 {
		rights |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if l.abi >= 5 {
		rights |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	return rights
}

// handled is struct landlock_ruleset_attr as far as this version knows it: files, then
// TCP (4), then abstract sockets and signals to processes outside (6).
func (l landlock) handled() []uint64 {
	attr := []uint64{l.filesystem()}
	if l.abi >= 4 {
		attr = append(attr, unix.LANDLOCK_ACCESS_NET_BIND_TCP|unix.LANDLOCK_ACCESS_NET_CONNECT_TCP)
	}
	if l.abi >= 6 {
		attr = append(attr, unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET|unix.LANDLOCK_SCOPE_SIGNAL)
	}
	return attr
}

// rule gives back rights below a path.
type rule = [2]any

func (l landlock) rules(readOnly []string, workspace string) []rule {
	var rules []rule
	for _, p := range readOnly {
		access := uint64(readFile)
		if info, err := os.Stat(p); err == nil && info.IsDir() {
			access = readTree
		}
		rules = append(rules, rule{p, access & l.filesystem()})
	}
	devices := l.filesystem() & (unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE)
	rules = append(rules, rule{"/dev/null", devices}, rule{"/dev/zero", uint64(readFile)}, rule{"/dev/urandom", uint64(readFile)})
	return append(rules, rule{workspace, l.filesystem() &^ (makeDevice | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV)})
}
