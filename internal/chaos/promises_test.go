package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/topology"
	"agentfactory/skillstore"
)

// requireEveryRunEndedRight demands that no run was lost, none is stuck, and each has its one right answer.
func (c *chaos) requireEveryRunEndedRight() {
	c.t.Helper()
	for _, r := range c.load.all() {
		if r.err != nil || r.answer != r.right {
			c.t.Errorf("%s (%s) ended with %q, %v; right is %q; in its time: %s", r.id, r.workflow, r.answer, r.err, r.right, c.blowsBetween(r.began, r.ended))
		}
	}
	require.False(c.t, c.t.Failed(), "runs that did not end as they should")
}

// blowsBetween names what was done to the parts in a time.
func (c *chaos) blowsBetween(from, to time.Time) string {
	var names []string
	for _, f := range c.fallen {
		if f.from.Before(to) && f.to.After(from) {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, ", ")
}

// fileClock is more than the times of files lag behind the clock. A repeated call comes a second later at the least, when its
// activity is tried again.
const fileClock = 50 * time.Millisecond

// requireNoAcknowledgedCallWasRepeated demands that nothing was asked of the model after its record was on S3, and that what was
// asked twice had a blow in between. It returns how many calls were made, and how many of them again.
func (c *chaos) requireNoAcknowledgedCallWasRepeated() (calls, again int) {
	c.t.Helper()
	kept := c.records()
	for what, asked := range c.model.asks() {
		calls += len(asked)
		again += len(asked) - 1
		record, ok := kept[what]
		if !ok {
			c.t.Errorf("%s: it was asked of the model, and there is no record of it", what)
			continue
		}
		for i, a := range asked {
			if a.at.After(record.Add(fileClock)) {
				c.t.Errorf("%s: worker %d asked the model again %s after the answer was recorded", what, a.worker, a.at.Sub(record))
			}
			if i > 0 && c.blowsBetween(asked[i-1].at, a.at) == "" {
				c.t.Errorf("%s: worker %d asked the model again, and nothing had happened since worker %d did", what, a.worker, asked[i-1].worker)
			}
		}
	}
	return calls, again
}

var (
	turnRecord = regexp.MustCompile(`^([^/]+)/[^/]+/turns/0*(\d+)\.json$`)
	callRecord = regexp.MustCompile(`^([^/]+)/[^/]+/journal/`)
)

// records are the times at which S3 has written what was asked of the model: the turns, and what was answered to subagents.
// The names are those of askedFor.
func (c *chaos) records() map[string]time.Time {
	c.t.Helper()
	runs := filepath.Join(c.bucket, "runs")
	written := map[string]time.Time{}
	require.NoError(c.t, filepath.WalkDir(runs, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		key, _ := filepath.Rel(runs, path) // below it
		what := ""
		if m := turnRecord.FindStringSubmatch(key); m != nil {
			what = m[1] + " turn " + m[2]
		} else if m := callRecord.FindStringSubmatch(key); m != nil {
			what = m[1] + " subagent"
		}
		info, err := d.Info()
		if first, ok := written[what]; err == nil && (!ok || info.ModTime().Before(first)) {
			written[what] = info.ModTime()
		}
		return err
	}))
	return written
}

// requireTheLibraryHoldsWhatWasMade demands that each skill is there once, as the runs of its story left it.
func (c *chaos) requireTheLibraryHoldsWhatWasMade() {
	c.t.Helper()
	want, got := map[string]string{}, map[string]string{}
	for _, r := range c.load.all() {
		if r.saves != "" {
			want[r.saves] = r.leaves.String()
		}
	}
	skills := skillstore.New(c.top.Objects())
	heads, err := skills.Heads(c.t.Context(), "", 0)
	require.NoError(c.t, err)
	for _, h := range heads {
		versions, err := skills.Versions(c.t.Context(), h.Name)
		require.NoError(c.t, err)
		cases, err := skills.Cases(c.t.Context(), h.Name)
		require.NoError(c.t, err)
		got[h.Name] = state{h.Version, h.Generation, len(versions), len(cases)}.String()
	}
	require.Equal(c.t, want, got, "skills that were lost, doubled or changed")
}

// state is what is stored of a skill.
type state struct {
	head            int
	generation      int64
	versions, cases int
}

func (s state) String() string {
	return fmt.Sprintf("version %d, moved %d times, of %d versions and %d cases", s.head, s.generation, s.versions, s.cases)
}

// requireTheBucketIsSound has fsck look at everything. Then it makes everything so old that nothing is spared for its youth,
// has gc take away what nothing refers to, which is a stray blob at least, and demands that nothing is missed.
func (c *chaos) requireTheBucketIsSound() {
	c.t.Helper()
	starter := c.top.Starter()
	starter.Run("fsck")
	blobs, err := objectstore.NewBlobs(c.top.Objects(), "", 0)
	require.NoError(c.t, err)
	stray, err := blobs.Put(c.t.Context(), []byte("nothing refers to this"))
	require.NoError(c.t, err)
	c.makeEverythingOld()
	goes := starter.Run("gc", "--list")
	require.Contains(c.t, goes, string(stray))
	starter.Run("gc", "--delete")
	starter.Run("fsck")
	require.NotContains(c.t, starter.Run("gc", "--list"), string(stray))
	c.t.Logf("gc took away %d blobs", strings.Count(goes, "blobs/sha256/"))
}

// makeEverythingOld gives the objects the age of a month: more than a blob is spared for, less than runs are kept for.
func (c *chaos) makeEverythingOld() {
	c.t.Helper()
	old := time.Now().Add(-30 * 24 * time.Hour)
	require.NoError(c.t, filepath.WalkDir(c.bucket, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chtimes(path, old, old)
	}))
}

// requireNothingIsLeft ends the workers and demands that neither what they have started nor what those have started that were
// killed before them is still there, and no workspace.
func (c *chaos) requireNothingIsLeft() {
	c.t.Helper()
	for _, w := range c.top.Workers {
		c.end(w, w.Stop)
	}
	c.await("processes of workers that have ended to end as well", func() bool { return len(c.orphans()) == 0 })
	for _, w := range c.top.Workers {
		places, err := filepath.Glob(filepath.Join(w.Scratch, "agentfactory-*", "work"))
		require.NoError(c.t, err)
		require.NotEmpty(c.t, places, "the place of the workspaces")
		for _, place := range places {
			left, err := os.ReadDir(place)
			require.NoError(c.t, err)
			require.Empty(c.t, left, "workspaces in %s", place)
		}
	}
}

// end ends a worker, and remembers the processes that came of it.
func (c *chaos) end(w *topology.Worker, how func()) {
	for pid := range descendants(w.PID()) {
		if p := (process{pid, startOf(pid)}); p.start != "" {
			c.came[p] = w.Name
		}
	}
	how()
}

// orphans are processes that have outlived the worker of which they came.
func (c *chaos) orphans() (left []string) {
	for p, worker := range c.came {
		if startOf(p.pid) == p.start {
			left = append(left, fmt.Sprintf("process %d of %s: %s", p.pid, worker, strings.ReplaceAll(processes()[p.pid], "\x00", " ")))
		}
	}
	return left
}
