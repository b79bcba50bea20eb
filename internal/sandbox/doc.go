// Package sandbox runs untrusted programs under the strongest isolation that the
// machine offers.
//
// There are two levels. At Namespaced, bubblewrap gives the program its own mount, PID,
// network, IPC, UTS and user namespaces: it sees the workspace read-write, Python
// read-only, and nothing else. At Confined, without namespaces, Landlock limits which
// files it can touch, and seccomp takes away sockets, signals to others and process
// groups. Both load a seccomp filter and resource limits, and at both the one way out
// is an HTTP gateway: a Unix socket or, at Confined, an inherited connection.
//
// The last step before the untrusted program is launch.py, a few dozen lines of Python
// that set the limits, and at Confined Landlock and seccomp as well. It is Python and
// not our own binary because the program that follows is Python in any case, while a
// binary that links a Temporal server takes 50 ms to start. No untrusted byte is read
// before it is done; the restrictions cannot be taken back and pass to all children.
//
// What is not hard: memory of a process tree and the size of a workspace are polled and
// can overshoot between two looks; each process and each file is limited by the kernel.
// At Confined the program can see that files outside exist, without reading them.
//
// The package imports nothing of this project.
package sandbox
