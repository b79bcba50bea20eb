package bench

import (
	"fmt"

	"github.com/prometheus/procfs"
)

// Process is one that is watched.
type Process struct {
	Name    string // in the report
	PID     int
	Metrics string // URL of its /metrics; "" where there are none
}

// usage is what the kernel says of a process.
type usage struct {
	resident, private, peak int64   // bytes; peak is of resident, since its start
	cpu                     float64 // seconds of its own; children have theirs
}

// measure reads /proc.
func (p Process) measure() (usage, error) {
	proc, err := procfs.NewProc(p.PID)
	if err != nil {
		return usage{}, fmt.Errorf("%s (process %d) is gone: %w", p.Name, p.PID, err)
	}
	status, err := proc.NewStatus()
	if err != nil {
		return usage{}, fmt.Errorf("read the memory of %s (process %d): %w", p.Name, p.PID, err)
	}
	stat, err := proc.Stat()
	if err != nil {
		return usage{}, fmt.Errorf("read the CPU time of %s (process %d): %w", p.Name, p.PID, err)
	}
	return usage{resident: int64(status.VmRSS), private: int64(status.RssAnon), peak: int64(status.VmHWM), cpu: stat.CPUTime()}, nil
}

// loadAverage is the machine's over the last minute: what else runs on it shows there.
func loadAverage() float64 {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return 0
	}
	load, err := fs.LoadAvg()
	if err != nil {
		return 0
	}
	return load.Load1
}
