package sandbox

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	lookEvery     = 50 * time.Millisecond
	diskEachLooks = 4
)

// watch ends the run when all its processes together, or its workspace, are too large.
func (p *process) watch(ctx context.Context, end context.CancelCauseFunc) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if rss := treeMemory(p.cmd.Process.Pid); rss > p.memory {
			p.memory = rss
			if rss > p.spec.Limits.Memory {
				end(errMemory)
			}
		}
		if i%diskEachLooks == 0 && TreeSize(p.spec.Workspace) > p.spec.Limits.Disk {
			end(errDisk)
		}
	}
}

type procStat struct {
	parent, group int
	memory        int64
}

// treeMemory sums the resident memory of a process, its descendants and its group, in
// bytes. Shared pages are counted once for each process.
func treeMemory(pid int) int64 {
	all := map[int]procStat{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if id, err := strconv.Atoi(e.Name()); err == nil {
			if s, ok := readStat(e.Name()); ok {
				all[id] = s
			}
		}
	}
	var sum int64
	for id, s := range all {
		if s.group == pid || descends(all, id, pid) {
			sum += s.memory
		}
	}
	return sum
}

// readStat reads /proc/PID/stat; see proc_pid_stat(5) for the fields.
func readStat(pid string) (procStat, bool) {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return procStat{}, false
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])) // the name may hold anything
	if len(fields) < 22 {
		return procStat{}, false
	}
	var s procStat
	s.parent, _ = strconv.Atoi(fields[1])
	s.group, _ = strconv.Atoi(fields[2])
	pages, _ := strconv.ParseInt(fields[21], 10, 64)
	s.memory = pages * int64(os.Getpagesize())
	return s, true
}

func descends(all map[int]procStat, id, ancestor int) bool {
	for range 128 {
		if id == ancestor {
			return true
		}
		s, ok := all[id]
		if !ok || s.parent <= 1 {
			return false
		}
		id = s.parent
	}
	return false
}

// threadsOf counts the threads of a user.
func threadsOf(uid int) (n int64) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		var st unix.Stat_t
		if _, err := strconv.Atoi(e.Name()); err != nil || unix.Lstat("/proc/"+e.Name(), &st) != nil || int(st.Uid) != uid {
			continue
		}
		threads, _ := os.ReadDir("/proc/" + e.Name() + "/task")
		n += int64(len(threads))
	}
	return n
}

// TreeSize is what a directory takes on disk, in bytes; no symbolic link is followed.
func TreeSize(dir string) (n int64) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0
	}
	defer root.Close()
	_ = fs.WalkDir(root.FS(), ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // files come and go while we look
		}
		if info, err := d.Info(); err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				n += st.Blocks * 512
			}
		}
		return nil
	})
	return n
}

// capped keeps the beginning of an output and ends the run when there is far too much.
type capped struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	n    int64
	max  int64
	over func()
}

// patience is how many times the kept size an output may reach.
const patience = 16

func (c *capped) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += int64(len(b))
	if room := c.max - int64(c.buf.Len()); room > 0 {
		c.buf.Write(b[:min(room, int64(len(b)))])
	}
	if c.n > patience*c.max {
		c.over()
	}
	return len(b), nil
}

func (c *capped) bytes() []byte { c.mu.Lock(); defer c.mu.Unlock(); return c.buf.Bytes() }
func (c *capped) cut() bool     { c.mu.Lock(); defer c.mu.Unlock(); return c.n > c.max }
