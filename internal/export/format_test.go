package export_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/export"
)

// TestEqualSkillsGiveEqualBytes makes every artifact again from copies whose maps and lists were built in another order.
func TestEqualSkillsGiveEqualBytes(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	skills := []export.Skill{withCases(wordCount(t), 4), stored(t, "calendar", "Says which day a date is.", map[string]string{"subagent.py": "main = print\n"})}
	for _, f := range export.Formats() {
		given := skills[:1]
		if f.Many {
			given = skills
		}
		first, err := f.Make(given, export.Options{Cases: true})
		require.NoError(t, err)
		for range 5 {
			again, err := f.Make(shuffled(random, given), export.Options{Cases: true})
			require.NoError(t, err)
			require.Equal(t, digest(first.Data), digest(again.Data), f.Name)
			require.Equal(t, first, again)
		}
	}
}

func shuffled(random *rand.Rand, skills []export.Skill) []export.Skill {
	skills = slices.Clone(skills)
	random.Shuffle(len(skills), func(i, j int) { skills[i], skills[j] = skills[j], skills[i] })
	for i := range skills {
		paths := slices.Collect(maps.Keys(skills[i].Code))
		random.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
		code := map[string][]byte{}
		for _, p := range paths {
			code[p] = skills[i].Code[p]
		}
		skills[i].Code = code
	}
	return skills
}

func TestFormatsAreFoundByName(t *testing.T) {
	for _, name := range []string{"langchain", "autogen"} {
		f, err := export.FormatByName(name)
		require.NoError(t, err)
		require.Equal(t, "python", f.Name)
	}
	_, err := export.FormatByName("wheel")
	require.ErrorIs(t, err, export.ErrUnknownFormat)
	require.EqualError(t, err, `unknown format "wheel"; there are agent-skills, agent-skills-claude, agent-skills-agents, agent-skills-github, claude-plugin, python, python-script, mcp, prompt`)
}

func TestArtifactsAreCalledByNameAndVersion(t *testing.T) {
	s := wordCount(t)
	for format, file := range map[string]string{
		"agent-skills":  `^word-count-3\.agent-skills\.zip$`,
		"claude-plugin": `^word-count-[0-9a-f]{12}\.claude-plugin\.zip$`,
		"python":        `^word_count_skill-3-py3-none-any\.whl$`,
		"python-script": `^word-count-3\.py$`,
		"mcp":           `^word-count-[0-9a-f]{12}\.mcp\.zip$`,
		"prompt":        `^word-count-[0-9a-f]{12}\.prompt\.md$`,
	} {
		require.Regexp(t, file, made(t, format, export.Options{Cases: true}, s).File)
	}
	a := made(t, "agent-skills-claude", export.Options{}, s)
	require.Equal(t, "word-count-3.agent-skills-claude.zip", a.File)
	require.Contains(t, a.Tree, ".claude/skills/word-count/SKILL.md")
}

func TestASkillThatWouldBreakAnArtifactIsRefused(t *testing.T) {
	for name, change := range map[string]func(*export.Skill){
		"a path that leads out":       func(s *export.Skill) { s.Code["../x.py"] = nil },
		"an absolute path":            func(s *export.Skill) { s.Code["/x.py"] = nil },
		"a path with a line break":    func(s *export.Skill) { s.Code["a\nb.py"] = nil },
		"a path of another system":    func(s *export.Skill) { s.Code[`a\..\b.py`] = nil },
		"no entry file":               func(s *export.Skill) { s.Manifest.EntryFile = "other.py" },
		"a name that is none":         func(s *export.Skill) { s.Manifest.Name = "../x" },
		"no version":                  func(s *export.Skill) { s.Manifest.Version = 0 },
		"a requirement of two lines":  func(s *export.Skill) { s.Declared.Dependencies = []string{"a\nProvides-Extra: x"} },
		"a Python of several lines":   func(s *export.Skill) { s.Declared.RequiresPython = ">=3.9\n" },
		"a digest that is not stored": func(s *export.Skill) { s.Manifest.Digest = "" },
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range export.Formats() {
				s := wordCount(t)
				change(&s)
				_, err := f.Make([]export.Skill{s}, export.Options{Cases: true})
				require.ErrorIs(t, err, export.ErrRefused)
				require.NotContains(t, err.Error(), "\n")
			}
		})
	}
}

func TestFormatsOfOneSkillTakeOne(t *testing.T) {
	for _, f := range export.Formats() {
		_, err := f.Make(nil, export.Options{Cases: true})
		require.ErrorIs(t, err, export.ErrRefused)
		_, err = f.Make([]export.Skill{wordCount(t), wordCount(t)}, export.Options{Cases: true})
		require.ErrorIs(t, err, export.ErrRefused, "the same skill twice, or two skills")
	}
}
