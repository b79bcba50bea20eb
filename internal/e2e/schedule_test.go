package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"agentfactory/internal/embedded/temporalserver"
	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// scheduler is a person who types `starter` commands about schedules.
type scheduler struct {
	t       testing.TB
	program string
	env     []string
	dir     string // where the commands are typed
}

func (s *stack) scheduler() *scheduler {
	s.t.Helper()
	program, err := starterBinary()
	require.NoError(s.t, err)
	return &scheduler{s.t, program, workerEnv(s.address, s.modelURL, s.s3URL, s.t.TempDir(), publicTempDir(s.t)), s.t.TempDir()}
}

// run carries out a command that must succeed and returns what it prints to stdout.
func (p *scheduler) run(args ...string) string {
	p.t.Helper()
	out, complaint, err := p.try(args...)
	require.NoError(p.t, err, "starter %s\n%s%s", strings.Join(args, " "), out, complaint)
	return out
}

func (p *scheduler) try(args ...string) (stdout, stderr string, err error) {
	cmd := exec.CommandContext(p.t.Context(), p.program, args...)
	cmd.Env, cmd.Dir = p.env, p.dir
	out, complaint := &lockedBuffer{}, &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = out, complaint
	err = cmd.Run()
	return out.String(), complaint.String(), err
}

// described is what these tests read of `starter schedule describe --json`.
type described struct {
	Input           json.RawMessage
	Overlap, Times  string
	CatchupSeconds  float64 `json:"catchup_seconds"`
	Paused          bool
	Recent          []struct{ WorkflowID, Outcome string }
	Missed, Skipped int
}

func (p *scheduler) describe(name string) (d described) {
	p.t.Helper()
	require.NoError(p.t, json.Unmarshal([]byte(strings.ReplaceAll(p.run("schedule", "describe", name, "--json"), "workflow_id", "WorkflowID")), &d))
	return d
}

// until asks the server until a schedule is as wanted; a process for each question would take longer than the answer.
func (s *stack) until(name string, wanted func(client.ScheduleInfo) bool) (info client.ScheduleInfo) {
	s.t.Helper()
	h := s.temporal.ScheduleClient().GetHandle(s.t.Context(), name)
	require.EventuallyWithT(s.t, func(c *assert.CollectT) {
		d, err := h.Describe(s.t.Context())
		if assert.NoError(c, err) {
			info = d.Info
			assert.True(c, wanted(info), "schedule %s: %+v", name, info)
		}
	}, testPatience, 5*tick)
	return info
}

// pauseSchedule stops a schedule and returns what it has done until then.
func (s *stack) pauseSchedule(name string) client.ScheduleInfo {
	s.t.Helper()
	h := s.temporal.ScheduleClient().GetHandle(s.t.Context(), name)
	require.NoError(s.t, h.Pause(s.t.Context(), client.SchedulePauseOptions{}))
	d, err := h.Describe(s.t.Context())
	require.NoError(s.t, err)
	require.True(s.t, d.Schedule.State.Paused)
	return d.Info
}

// scheduled are the runs of a schedule that the server lists, by workflow ID, with their status.
func (s *stack) scheduled(name string) map[string]string {
	s.t.Helper()
	runs := map[string]string{}
	page, err := s.temporal.ListWorkflow(s.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: fmt.Sprintf("TemporalScheduledById = %q", name)})
	require.NoError(s.t, err)
	for _, r := range page.GetExecutions() {
		runs[r.GetExecution().GetWorkflowId()] = r.GetStatus().String()
	}
	return runs
}

func TestAScheduleFiresAndItsRunsAreFound(t *testing.T) {
	t.Parallel()
	s := newStack(t, wordCount)
	s.worker()
	p := s.scheduler()
	p.run("schedule", "create", "care", "--every", "1s", "--", "evolve")
	s.until("care", func(i client.ScheduleInfo) bool { return i.NumActions > 2 })
	d := p.describe("care")
	require.Equal(t, "skip", d.Overlap)
	require.EqualValues(t, 600, d.CatchupSeconds)
	require.Zero(t, d.Missed)

	first := d.Recent[len(d.Recent)-1]
	id := first.WorkflowID
	require.Equal(t, "completed", first.Outcome, "by skip, the others have begun after its end")
	require.Regexp(t, `^care-20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$`, id)
	require.Contains(t, p.run("runs", "show", id), "no saved skill has an open failure")
	res, err := s.records.Result(t.Context(), id, s.runID(id))
	require.NoError(t, err, "its ID is no key segment, but its record is found")
	require.Equal(t, run.Completed, res.Outcome)
	require.Eventually(t, func() bool { return s.scheduled("care")[id] == "Completed" }, testPatience, tick)
	require.Contains(t, p.run("runs", "list"), "repair the skill with the oldest open f", "they are listed like those that were started by hand")
}

func TestTheFilesOfAScheduleAreUploadedWhenItIsCreated(t *testing.T) {
	t.Parallel()
	s := newStack(t, wordCount)
	s.worker()
	p := s.scheduler()
	file := filepath.Join(p.dir, "first.txt")
	require.NoError(t, os.WriteFile(file, []byte("drei kleine Wörter"), 0o600))
	p.run("schedule", "create", "count", "--cron", "@yearly", "--paused", "--", "install", "count the words in the file", "--file", "first.txt")
	require.NoError(t, os.Remove(file))

	var in workflows.InstallInput
	require.NoError(t, json.Unmarshal(p.describe("count").Input, &in))
	require.Len(t, in.Files, 1)
	require.Regexp(t, "^blobs/sha256/", in.Files[0].Key)
	require.Empty(t, in.Files[0].Text, "the schedule stays small")
	id := strings.TrimSpace(p.run("schedule", "trigger", "count"))
	require.Equal(t, "words: 3\n", p.run("runs", "watch", id), "a paused schedule can be triggered, and the file is there")
}

// Nobody works here, so that every run goes on until it is ended: what the policies do about it is counted.
func TestOverlapPoliciesDoWhatTheySay(t *testing.T) {
	t.Parallel()
	s := newStack(t, wordCount)
	p := s.scheduler()
	for _, policy := range []string{"skip", "buffer-one", "buffer-all", "terminate-other", "allow-all"} {
		p.run("schedule", "create", policy, "--every", "1s", "--overlap", policy, "--", "evolve")
	}
	started := func(n int) func(client.ScheduleInfo) bool {
		return func(i client.ScheduleInfo) bool { return i.NumActions == n }
	}
	skipped := func(i client.ScheduleInfo) bool { return i.NumActionsSkippedOverlap >= 2 }

	info := s.until("skip", skipped)
	require.Equal(t, 1, info.NumActions, "one goes on, and the times meanwhile are left out")
	s.end(info)
	s.until("skip", started(2))

	info = s.until("buffer-one", skipped)
	require.Equal(t, 1, info.NumActions, "one goes on, one waits, further ones are left out")
	s.end(info)
	s.until("buffer-one", started(2))

	info = s.until("buffer-all", started(1))
	for n := 2; n <= 3; n++ {
		s.end(info)
		info = s.until("buffer-all", started(n))
	}
	require.Zero(t, info.NumActionsSkippedOverlap)
	s.pauseSchedule("buffer-all")
	s.end(info)
	info = s.until("buffer-all", func(i client.ScheduleInfo) bool { return len(i.RunningWorkflows) == 0 })
	require.Equal(t, 3, info.NumActions, "of a paused schedule also those do not start that have waited")

	s.until("terminate-other", func(i client.ScheduleInfo) bool { return i.NumActions > 2 })
	s.pauseSchedule("terminate-other") // a run that waits for another's end is dropped, so that there may be none
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		states := map[string]int{}
		for _, state := range s.scheduled("terminate-other") {
			states[state]++
		}
		assert.LessOrEqual(c, states["Running"], 1, "they never go on side by side")
		assert.GreaterOrEqual(c, states["Terminated"], 2)
		assert.Len(c, states, min(2, 1+states["Running"]), "they ended in no other way")
	}, testPatience, 5*tick)

	s.until("allow-all", func(i client.ScheduleInfo) bool { return i.NumActions > 2 })
	s.pauseSchedule("allow-all")
	info = s.until("allow-all", func(i client.ScheduleInfo) bool { return len(s.scheduled("allow-all")) == i.NumActions })
	require.Zero(t, info.NumActionsSkippedOverlap)
	s.ends("allow-all", map[string]int{"Running": info.NumActions})
}

// ends waits until the server lists so many runs of a schedule in each state.
func (s *stack) ends(name string, want map[string]int) {
	s.t.Helper()
	require.EventuallyWithT(s.t, func(c *assert.CollectT) {
		got := map[string]int{}
		for _, state := range s.scheduled(name) {
			got[state]++
		}
		assert.Equal(c, want, got)
	}, testPatience, 5*tick)
}

// end terminates the runs of a schedule that go on.
func (s *stack) end(info client.ScheduleInfo) {
	s.t.Helper()
	require.NotEmpty(s.t, info.RunningWorkflows)
	for _, r := range info.RunningWorkflows {
		require.NoError(s.t, s.temporal.TerminateWorkflow(s.t.Context(), r.WorkflowID, "", "for the test"))
	}
}

func TestABackfilledHourIsExactlyItsRuns(t *testing.T) {
	t.Parallel()
	s := newStack(t, wordCount)
	p := s.scheduler()
	p.run("schedule", "create", "prices", "--cron", "*/15 * * * *", "--timezone", "Europe/Berlin", "--paused", "--", "evolve")
	require.Empty(t, s.scheduled("prices"))

	out := p.run("schedule", "backfill", "prices", "--from", "2026-03-29T01:00", "--to", "2026-03-29T03:15", "--overlap", "allow-all")
	require.Contains(t, out, "6 times of schedule prices come now", "the hour that summer time leaves out has none")
	want := []string{}
	for _, at := range []string{"00:00", "00:15", "00:30", "00:45", "01:00", "01:15"} { // UTC
		want = append(want, "prices-2026-03-29T"+at+":00Z")
	}
	s.ends("prices", map[string]int{"Running": len(want)})
	for _, id := range want {
		require.Contains(t, s.scheduled("prices"), id)
	}
	require.Zero(t, p.describe("prices").Skipped)

	id := strings.TrimSpace(p.run("schedule", "trigger", "prices", "--overlap", "allow-all"))
	require.True(t, p.describe("prices").Paused, "it was triggered nevertheless")
	p.run("schedule", "delete", "prices")
	_, complaint, err := p.try("schedule", "describe", "prices")
	require.Error(t, err)
	require.Contains(t, complaint, "there is no schedule prices")
	s.ends("prices", map[string]int{"Running": len(want) + 1}) // they are left alone
	require.Contains(t, s.scheduled("prices"), id)
}

// The server is down for longer than the window: of the times meanwhile only those within it are made up for.
func TestWhatWasMissedForLongerThanTheWindowIsLeftOut(t *testing.T) {
	t.Parallel()
	s := newStack(t, wordCount) // for S3 alone
	options := temporalserver.Options{Dir: filepath.Join(t.TempDir(), "temporal"), FrontendPort: temporalserver.AnyPort, UIPort: temporalserver.AnyPort, SearchAttributes: workflows.SearchAttributes()}
	open := func() *temporalserver.Server {
		server, err := temporalserver.Start(t.Context(), options)
		require.NoError(t, err)
		s.address = server.Address()
		s.temporal = dial(t, s.address)
		return server
	}
	server := open()
	p := s.scheduler()
	p.run("schedule", "create", "often", "--every", "1s", "--overlap", "allow-all", "--catchup", "10s", "--", "evolve")
	s.until("often", func(i client.ScheduleInfo) bool { return i.NumActions > 0 })
	require.NoError(t, server.Stop())
	down := time.Now()
	time.Sleep(14 * time.Second) // there is no shorter window than 10 s
	server = open()
	t.Cleanup(func() { server.Stop() })

	s.until("often", func(i client.ScheduleInfo) bool { return i.NumActionsMissedCatchupWindow > 0 })
	info := s.pauseSchedule("often")
	require.Eventually(t, func() bool { return len(s.scheduled("often")) == info.NumActions }, testPatience, 5*tick)
	require.NotContains(t, s.scheduled("often"), "often-"+down.Add(2*time.Second).UTC().Format(time.RFC3339), "it was missed for twelve seconds at least")
	require.GreaterOrEqual(t, info.NumActionsMissedCatchupWindow, 3)
	madeUp := afterGap(s.firings("often"))
	require.Greater(t, madeUp.begun.Sub(madeUp.time), 8*time.Second, "of the window nothing is left out, however long the server took to come back")
}

// firing is a run of a schedule.
type firing struct{ time, begun time.Time } // when it was due, and when it began

// firings are the runs of a schedule in the order in which they were due.
func (s *stack) firings(name string) (found []firing) {
	s.t.Helper()
	page, err := s.temporal.ListWorkflow(s.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: fmt.Sprintf("TemporalScheduledById = %q", name)})
	require.NoError(s.t, err)
	for _, r := range page.GetExecutions() {
		due, err := time.Parse(time.RFC3339, strings.TrimPrefix(r.GetExecution().GetWorkflowId(), name+"-"))
		require.NoError(s.t, err)
		found = append(found, firing{due, r.GetStartTime().AsTime()})
	}
	slices.SortFunc(found, func(a, b firing) int { return a.time.Compare(b.time) })
	return found
}

// afterGap is the first firing after the longest time without one.
func afterGap(all []firing) (first firing) {
	longest := time.Duration(0)
	for i := 1; i < len(all); i++ {
		if gap := all[i].time.Sub(all[i-1].time); gap > longest {
			first, longest = all[i], gap
		}
	}
	return first
}

// What docs/schedules.md says about Temporal's own command line.
func TestTheTemporalCLIKeepsTheSameSchedules(t *testing.T) {
	t.Parallel()
	s := newStack(t, wordCount)
	c, p := s.cli(), s.scheduler()
	c.run("schedule", "create", "--schedule-id", "nightly-care", "--cron", "0 3 * * *", "--time-zone", "Europe/Berlin",
		"--overlap-policy", "Skip", "--catchup-window", "10m", "--workflow-id", "nightly-care", "--type", "SelfEvolve", "--task-queue", "agentfactory", "--input", "{}")
	d := p.describe("nightly-care")
	require.Equal(t, "cron 0 3 * * * (Europe/Berlin)", d.Times)
	require.Equal(t, "skip", d.Overlap)
	require.EqualValues(t, 600, d.CatchupSeconds)
	require.JSONEq(t, "{}", string(d.Input))

	c.run("schedule", "trigger", "--schedule-id", "nightly-care")
	s.until("nightly-care", func(i client.ScheduleInfo) bool { return i.NumActions == 1 })
	c.run("schedule", "toggle", "--schedule-id", "nightly-care", "--pause", "--reason", "holidays")
	require.Contains(t, p.run("schedule", "describe", "nightly-care"), "nightly-care (paused): holidays\n")
	c.run("schedule", "backfill", "--schedule-id", "nightly-care", "--start-time", "2026-11-14T00:00:00Z", "--end-time", "2026-11-16T00:00:00Z", "--overlap-policy", "AllowAll")
	s.until("nightly-care", func(i client.ScheduleInfo) bool { return i.NumActions == 3 })
	require.Contains(t, c.run("schedule", "describe", "--schedule-id", "nightly-care"), "nightly-care")
	c.run("schedule", "delete", "--schedule-id", "nightly-care")
	_, _, err := p.try("schedule", "describe", "nightly-care")
	require.Error(t, err)

	c.run("schedule", "create", "--schedule-id", "careless", "--interval", "6h", "--workflow-id", "careless", "--type", "SelfEvolve", "--task-queue", "agentfactory", "--input", "{}")
	require.EqualValues(t, (365 * 24 * time.Hour).Seconds(), p.describe("careless").CatchupSeconds, "why the window is always said")
}

func TestThePythonExampleCreatesASchedule(t *testing.T) {
	t.Parallel()
	python := pythonSDK.find(t)
	s := newStack(t, wordCount)
	const example = "../../docs/examples/create_a_schedule.py"
	create := func() (string, error) {
		cmd := exec.Command(python, example, "nightly-care", "0 3 * * *")
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TEMPORAL_ADDRESS=" + s.address}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := create()
	require.NoError(t, err, out)
	require.Regexp(t, `^nightly-care: next at 20\d\d-\d\d-\d\d 0[12]:00 UTC\n$`, out)
	d := s.scheduler().describe("nightly-care")
	require.Equal(t, []any{"cron 0 3 * * * (Europe/Berlin)", "skip", 600.0}, []any{d.Times, d.Overlap, d.CatchupSeconds})
	out, err = create()
	require.Error(t, err)
	require.Contains(t, out, "there is a schedule nightly-care already")
}
