package skill_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/skill"
)

func manifest() skill.Manifest {
	return skill.Manifest{
		Name: "word-count", Version: 1, Description: "Counts words.", EntryFile: "a.py", Tools: []string{"web_reading", "web_search"},
		Files: []skill.File{{Path: "SKILL.md", Digest: "11", Size: 1}, {Path: "a.py", Digest: "22", Size: 2}},
	}
}

// TestDigestsStayWhatTheyAre pins digests that libraries in use are built on: a change here makes every saved version
// corrupt and every save a new version.
func TestDigestsStayWhatTheyAre(t *testing.T) {
	require.Equal(t, "a83e6aa37ce591dac9b8337c8c8f6ee2b582da4136ba388dab0352593dae3844", manifest().ContentDigest())
	require.Equal(t, "461a49513e0d90c78023772efdfe15e55bf77dba990bf4e92be28d3a7bc8ad14", skill.Manifest{}.ContentDigest())
	c := skill.Case{Query: "How many words?", Inputs: []skill.File{{Path: "a.txt", Digest: "33", Size: 3}}, Check: &skill.Check{Kind: skill.CheckScript}}
	require.Equal(t, "5bbb339496cc7036", c.ContentID())
}

func TestContentDigest(t *testing.T) {
	for _, c := range []struct {
		name   string
		same   bool
		change func(*skill.Manifest)
	}{
		{"another number", true, func(m *skill.Manifest) { m.Version = 7 }},
		{"another time", true, func(m *skill.Manifest) { m.CreatedAt = time.Unix(1, 0) }},
		{"another lineage", true, func(m *skill.Manifest) { m.Lineage = skill.Lineage{WorkflowID: "w", ParentVersion: 3} }},
		{"another order of tools", true, func(m *skill.Manifest) { m.Tools = []string{"web_search", "web_reading"} }},
		{"another order of files", true, func(m *skill.Manifest) { m.Files = []skill.File{m.Files[1], m.Files[0]} }},
		{"another name", false, func(m *skill.Manifest) { m.Name = "words" }},
		{"another description", false, func(m *skill.Manifest) { m.Description = "Counts lines." }},
		{"another entry file", false, func(m *skill.Manifest) { m.EntryFile = "b.py" }},
		{"another tool", false, func(m *skill.Manifest) { m.Tools = []string{"web_search"} }},
		{"another content", false, func(m *skill.Manifest) { m.Files[1].Digest = "23" }},
		{"another path", false, func(m *skill.Manifest) { m.Files[1].Path = "b.py" }},
		{"another mode", false, func(m *skill.Manifest) { m.Files[1].Executable = true }},
	} {
		m := manifest()
		c.change(&m)
		require.Equal(t, c.same, m.ContentDigest() == manifest().ContentDigest(), c.name)
	}
	m := manifest()
	m.Tools = []string{"web_search", "web_reading"}
	m.ContentDigest()
	require.Equal(t, []string{"web_search", "web_reading"}, m.Tools, "hashing changes nothing")
}

func TestMadeSinceCountsWhatRunsMade(t *testing.T) {
	noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	version := func(source string, after time.Duration) skill.Manifest {
		return skill.Manifest{Lineage: skill.Lineage{Source: source}, CreatedAt: noon.Add(after)}
	}
	versions := []skill.Manifest{
		version(skill.SourceRun, -time.Nanosecond), version(skill.SourceRun, 0), version(skill.SourceImport, time.Hour), version(skill.SourceRun, time.Hour),
	}
	require.Equal(t, 2, skill.MadeSince(versions, noon))
	require.Equal(t, 3, skill.MadeSince(versions, time.Time{}))
	require.Zero(t, skill.MadeSince(nil, noon))
}

func TestCaseContentID(t *testing.T) {
	c := skill.Case{Query: "q"}
	require.Len(t, c.ContentID(), 16)
	same := skill.Case{Query: "q", Inputs: []skill.File{}, Journal: "runs/w/r/journal/1", Lineage: skill.Lineage{RunID: "r"}, CreatedAt: time.Unix(1, 0)}
	require.Equal(t, c.ContentID(), same.ContentID())
	require.NotEqual(t, c.ContentID(), skill.Case{Query: "q2"}.ContentID())
	require.Equal(t, skill.Case{Query: "q"}.ContentID(), skill.Case{Query: "q", Check: &skill.Check{}}.ContentID(), "whatever check was written")
}

func TestRecordsSurviveJSON(t *testing.T) {
	at := time.Date(2026, 11, 21, 6, 0, 0, 0, time.UTC)
	h := skill.Head{
		Name: "a", Version: 2, VersionDigest: "d", Generation: 3, PromotionID: "p", Trust: skill.Mature, Description: "d", EntryFile: "a.py",
		Tools: []string{"web_search"}, UpdatedAt: at, Tombstone: &skill.Tombstone{SupersededBy: "b", By: "p", Reason: "r", At: at},
		Moves:  []skill.Move{{Generation: 3, Version: 2, PromotionID: "p", Retired: true, Kind: skill.MoveRetire, By: "a", Why: "r", At: at}},
		Frozen: &skill.Freeze{By: "a", Why: "w", At: at}, Guarded: &skill.Freeze{By: "b", Why: "v", At: at},
	}
	body, err := json.Marshal(h)
	require.NoError(t, err)
	var read skill.Head
	require.NoError(t, json.Unmarshal(body, &read))
	require.Empty(t, cmp.Diff(h, read))
}
