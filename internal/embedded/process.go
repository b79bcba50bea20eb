package embedded

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// process identifies one process for good: a number alone is used again.
type process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks since boot, field 22 of /proc/PID/stat
}

// identify returns the zero process when there is none of that number, or only a zombie.
func identify(pid int) process {
	body, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}
	}
	// The second field is the command in parentheses and may itself hold any of them.
	fields := bytes.Fields(body[bytes.LastIndexByte(body, ')')+1:])
	const stateField, startField = 0, 19 // fields 3 and 22
	if len(fields) <= startField || fields[stateField][0] == 'Z' {
		return process{}
	}
	start, err := strconv.ParseUint(string(fields[startField]), 10, 64)
	if err != nil {
		return process{}
	}
	return process{PID: pid, Start: start}
}

func (p process) alive() bool { return p.PID > 0 && identify(p.PID) == p }

// signal reaches that process or none.
func (p process) signal(s syscall.Signal) {
	if p.alive() {
		_ = syscall.Kill(p.PID, s)
	}
}

// waitGone reports whether the process ended within the time.
func (p process) waitGone(ctx context.Context, within time.Duration) bool {
	return poll(ctx, within, func() bool { return !p.alive() })
}

// poll asks every 10 ms until the answer is yes, the time is over or the context ends.
func poll(ctx context.Context, within time.Duration, done func() bool) bool {
	deadline := time.Now().Add(within)
	for !done() {
		if ctx.Err() != nil || time.Now().After(deadline) {
			return false
		}
		time.Sleep(10 * time.Millisecond)
	}
	return true
}
