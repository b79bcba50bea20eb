package embedded

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/config"
)

func benchOptions(b *testing.B) EnsureOptions {
	return EnsureOptions{Config: config.Config{Data: b.TempDir()}, Args: []string{stackCommand}}
}

func benchStop(b *testing.B, dir string) {
	require.NoError(b, Stop(context.Background(), dir))
}

// BenchmarkEnsure measures what a command waits for its stack: cold with an empty data
// directory, warm with the databases of an earlier one, running when there is one.
func BenchmarkEnsure(b *testing.B) {
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			o := benchOptions(b)
			_, err := Ensure(b.Context(), o)
			b.StopTimer()
			require.NoError(b, err)
			benchStop(b, o.Config.Data)
			b.StartTimer()
		}
	})
	b.Run("warm", func(b *testing.B) {
		o := benchOptions(b)
		_, err := Ensure(b.Context(), o)
		require.NoError(b, err)
		benchStop(b, o.Config.Data)
		for b.Loop() {
			_, err := Ensure(b.Context(), o)
			b.StopTimer()
			require.NoError(b, err)
			benchStop(b, o.Config.Data)
			b.StartTimer()
		}
	})
	b.Run("running", func(b *testing.B) {
		o := benchOptions(b)
		_, err := Ensure(b.Context(), o)
		require.NoError(b, err)
		defer benchStop(b, o.Config.Data)
		for b.Loop() {
			c, err := Ensure(b.Context(), o)
			require.NoError(b, err)
			require.NoError(b, c.Close())
		}
	})
}

// BenchmarkIdle measures what a stack that nobody uses costs the machine.
func BenchmarkIdle(b *testing.B) {
	const settle, watch = 10 * time.Second, 20 * time.Second
	for range b.N {
		o := benchOptions(b)
		c, err := Ensure(b.Context(), o)
		require.NoError(b, err)
		children := childrenOf(b, c.Health().PID)
		require.Len(b, children, 1)
		time.Sleep(settle)
		before := cpuSeconds(b, c.Health().PID)
		time.Sleep(watch)
		b.ReportMetric(100*(cpuSeconds(b, c.Health().PID)-before)/watch.Seconds(), "%cpu")
		for name, pid := range map[string]int{"stack": c.Health().PID, "s3": children[0]} {
			// The rest of what is resident is our binary itself, which both share with the page cache.
			b.ReportMetric(memoryMB(b, pid, "RssAnon:"), "MB-private-"+name)
			b.ReportMetric(memoryMB(b, pid, "VmRSS:"), "MB-resident-"+name)
		}
		benchStop(b, o.Config.Data)
	}
}

func memoryMB(b *testing.B, pid int, which string) float64 {
	body, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(b, err)
	for line := range strings.Lines(string(body)) {
		if rest, ok := strings.CutPrefix(line, which); ok {
			kB, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			require.NoError(b, err)
			return kB / 1000
		}
	}
	b.Fatal("no " + which)
	return 0
}

// cpuSeconds is user and system time so far; Linux counts it in hundredths of a second.
func cpuSeconds(b *testing.B, pid int) float64 {
	body, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(b, err)
	fields := strings.Fields(string(body[strings.LastIndexByte(string(body), ')')+1:]))
	var ticks float64
	for _, field := range fields[11:13] { // utime and stime, fields 14 and 15
		n, err := strconv.ParseFloat(field, 64)
		require.NoError(b, err)
		ticks += n
	}
	return ticks / 100
}
