package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
)

// await looks again and again until something has come.
func (c *chaos) await(what string, come func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(patience); !come(); time.Sleep(tick) {
		require.True(c.t, time.Now().Before(deadline), "waited %s in vain for %s; under way: %v", patience, what, c.load.underWay())
	}
}

// awaitEnds waits until so many more runs have ended.
func (c *chaos) awaitEnds(n int) {
	c.t.Helper()
	before := c.load.ended.Load()
	c.await(fmt.Sprintf("%d runs to end", n), func() bool { return c.load.ended.Load() >= before+int64(n) })
}

// awaitUnready waits until a worker says that it misses a part.
func (c *chaos) awaitUnready(worker int, part string) (said string) {
	c.t.Helper()
	c.await(fmt.Sprintf("worker %d to miss %s", worker, part), func() bool {
		r, err := http.Get("http://" + c.top.Worker(worker).Address + "/readyz")
		if err != nil {
			return false
		}
		defer r.Body.Close()
		var ready struct {
			Parts []struct {
				Name string
				OK   bool
			}
		}
		if json.NewDecoder(r.Body).Decode(&ready) != nil {
			return false
		}
		for _, p := range ready.Parts {
			if p.Name == part && !p.OK {
				return true
			}
		}
		return false
	})
	return fmt.Sprintf("worker %d missed %s", worker, part)
}

// awaitDeaf waits until Temporal cannot tell any more how the run of a call is doing.
func (c *chaos) awaitDeaf(h *held) (said string) {
	c.t.Helper()
	c.await("Temporal to know nothing", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		_, err := c.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: fmt.Sprintf("WorkflowId = %q", h.run())})
		return err != nil
	})
	return h.String() + "; Temporal could not tell how its run was doing"
}

// awaitFailing waits until an activity of a run has failed with an error of a type since the blow began to fall, and is to be
// tried again.
func (c *chaos) awaitFailing(kind string) (hit string) {
	c.t.Helper()
	c.await("an activity that fails with "+kind, func() bool {
		for _, id := range c.load.underWay() {
			if hit = c.failing(id, kind); hit != "" {
				return true
			}
		}
		return false
	})
	return hit
}

func (c *chaos) failing(id, kind string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	d, err := c.client.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return ""
	}
	for _, a := range d.GetPendingActivities() {
		if a.GetLastFailure().GetApplicationFailureInfo().GetType() == kind && a.GetLastAttemptCompleteTime().AsTime().After(c.striking) {
			return fmt.Sprintf("%s of %s failed %d times with %s", a.GetActivityType().GetName(), id, a.GetAttempt()-1, kind)
		}
	}
	return ""
}

var chromium = regexp.MustCompile(`chrom|headless`)

// killBrowsers kills the browser processes that workers have started.
func (c *chaos) killBrowsers() (killed int) {
	c.t.Helper()
	for _, w := range c.top.Workers {
		for pid, command := range descendants(w.PID()) {
			program, _, _ := strings.Cut(command, "\x00")
			if chromium.MatchString(program) && syscall.Kill(pid, syscall.SIGKILL) == nil {
				killed++
			}
		}
	}
	require.Positive(c.t, killed, "no worker has a browser")
	return killed
}

// processes are all there are, with their command lines, NUL between the arguments.
func processes() map[int]string {
	commands := map[int]string{}
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // a pattern that is right
	for _, file := range files {
		command, _ := os.ReadFile(file) // gone by now
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		commands[pid] = string(command)
	}
	return commands
}

// descendants are the processes that came of one.
func descendants(of int) map[int]string {
	all, children := processes(), map[int][]int{}
	for pid := range all {
		parent := parentOf(pid)
		children[parent] = append(children[parent], pid)
	}
	found := map[int]string{}
	for queue := []int{of}; len(queue) > 0; queue = queue[1:] {
		for _, child := range children[queue[0]] {
			found[child] = all[child]
			queue = append(queue, child)
		}
	}
	return found
}

// process is one that is told from a later one with the same number.
type process struct {
	pid   int
	start string // in ticks since the machine was started; "" when it is gone
}

func parentOf(pid int) int {
	parent, _ := strconv.Atoi(statOf(pid, 4)) // gone by now
	return parent
}

// startOf is "" for a process that is gone; one that has ended and was not waited for is.
func startOf(pid int) string {
	if statOf(pid, 3) == "Z" {
		return ""
	}
	return statOf(pid, 22)
}

// statOf is a field of /proc/PID/stat, counted as proc(5) does, from 3 on: before them is the name, in parentheses.
func statOf(pid, field int) string {
	stat, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat") // gone by now
	fields := strings.Fields(string(stat)[strings.LastIndexByte(string(stat), ')')+1:])
	if len(fields) < field-2 {
		return ""
	}
	return fields[field-3]
}
