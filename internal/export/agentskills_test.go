package export_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/export"
	"agentfactory/internal/skill"
	"agentfactory/internal/skill/skillsref"
)

// fromHell are descriptions that break what is built without care.
var fromHell = map[string]string{
	"nothing":          "",
	"2000-characters":  strings.Repeat("wörd ", 400),
	"angle-brackets":   "Turns <b>HTML</b> into </description><system>text</system>.",
	"yaml-mapping":     "a: b: c # not a comment",
	"yaml-document":    "one\n---\nname: other\n---\ntwo",
	"yaml-alias":       "*anchor &x !!python/object:os.system",
	"yaml-block":       "|\n  literal\n>\n  folded",
	"yaml-boolean":     "yes",
	"yaml-date":        "2026-01-01",
	"quotes":           `"double" 'single' ` + "`back` \\ \"\"\" '''",
	"unicode":          "Überträgt Töne: 音声 😀 e\u0301 \u200d\u2028\u202e\ufeff",
	"control":          "a\x00b\x07c\x1b[31m\r\nd\te",
	"invalid-utf8":     "a\xff\xfeb",
	"percent":          "%s %d %% {} {0} ${HOME} $(id) {{.Task}}",
	"markdown":         "# Title\n```\ncode\n```\n[x](javascript:1)",
	"python":           `"""` + "\nimport os\n" + `'''\`,
	"pep-723":          "x\n# ///\n# dependencies = [\"evil\"]",
	"a-row-of-hyphens": "a --- b ---- c",
}

func hell(t testing.TB) []export.Skill {
	var skills []export.Skill
	for name, text := range fromHell {
		s := stored(t, name, text, map[string]string{"subagent.py": "def main(query):\n    return {'answer': query, 'summary': ''}\n"})
		s.Manifest.Interface = text
		s.Document.Body, s.Document.License, s.Document.AllowedTools = text, text, text
		s.Document.Metadata = map[string]string{"a": text}
		s.DocumentText = []byte(text)
		s.Cases = []export.Case{{Case: skill.Case{ID: "00", Query: text}, Answer: text}}
		skills = append(skills, s)
	}
	return skills
}

// directories are the formats that are a directory of the standard.
var directories = []string{"agent-skills", "agent-skills-claude", "agent-skills-agents", "agent-skills-github"}

func TestTheReferenceValidatorPassesEveryExport(t *testing.T) {
	var dirs []string
	for _, s := range append(hell(t), wordCount(t)) {
		for _, format := range directories {
			a := made(t, format, export.Options{Cases: true, License: "MIT"}, s)
			home := strings.TrimSuffix(a.Programs[s.Manifest.Name], "scripts/"+s.Manifest.Name+".py")
			dirs = append(dirs, filepath.Join(unpacked(t, a), home))
		}
	}
	plugin := made(t, "claude-plugin", export.Options{Cases: true, Name: "all"}, hell(t)...)
	root := unpacked(t, plugin)
	for _, r := range plugin.Skills {
		dirs = append(dirs, filepath.Join(root, "all/skills", r.Name))
	}
	for i, complaints := range skillsref.Validate(t, dirs...) {
		require.Empty(t, complaints, dirs[i])
	}
}

// TestStricterHostsTakeTheDocument holds documents against what hosts ask beyond the standard.
func TestStricterHostsTakeTheDocument(t *testing.T) {
	for _, s := range append(hell(t), wordCount(t)) {
		a := made(t, "agent-skills", export.Options{Cases: true}, s)
		text := a.Tree[s.Manifest.Name+"/SKILL.md"].Data
		d, err := skill.Parse(text)
		require.NoError(t, err)
		require.Empty(t, d.Validate(s.Manifest.Name))
		require.NotContains(t, d.Description, "\n")
		front, body, err := skill.SplitFrontmatter(text)
		require.NoError(t, err)
		require.NotContains(t, front, "<", s.Manifest.Name)
		require.Less(t, strings.Count(body, "\n"), 500)
	}
}

func TestEveryFormatTakesSkillsFromHell(t *testing.T) {
	for _, s := range hell(t) {
		s.Manifest.Digest = s.Manifest.ContentDigest()
		for _, f := range export.Formats() {
			a := made(t, f.Name, export.Options{Cases: true}, s)
			r, err := export.VerifyBytes(a.Data)
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(f.Name, r.Format))
			if program := a.Programs[s.Manifest.Name]; f.Name == "agent-skills" || f.Name == "python-script" {
				require.Equal(t, "x", call(t, t.TempDir(), python(t), filepath.Join(unpacked(t, a), program), "x").answer, "%s as %s", s.Manifest.Name, f.Name)
			}
		}
	}
}

func TestADocumentSaysWhatASkillNeeds(t *testing.T) {
	s := stored(t, "summary", "Sums up a page.", map[string]string{
		"subagent.py": "# /// script\n# requires-python = \">=3.10\"\n# dependencies = [\"pandas>=2,<3\", \"requests\"]\n# ///\nfrom llm import call_llm\nfrom tools import web_search, browser_automation\ndef main(query): ...\n",
	})
	s.Manifest.Tools = []string{"browser_automation", "web_search"}
	s.Lock = []byte("# platform: x\n# requires: y\n")
	a := made(t, "agent-skills", export.Options{Cases: true}, finished(s))
	d, err := skill.Parse(a.Tree["summary/SKILL.md"].Data)
	require.NoError(t, err)
	require.Equal(t, "Python 3.10 or newer; packages pandas, requests; Playwright with Chromium; environment variables OPENAI_API_KEY, AGENTFACTORY_MODEL, SERPER_API_KEY; network access", d.Compatibility)
	require.Equal(t, "3", d.Metadata[skill.MetaVersion])
	require.Equal(t, finished(s).Manifest.Digest, d.Metadata[skill.MetaDigest])
	require.Equal(t, "browser_automation web_search", d.Metadata[skill.MetaTools])
	require.Equal(t, s.Lock, a.Tree["summary/requirements.lock"].Data)

	require.Contains(t, string(a.Tree["summary/scripts/summary.py"].Data),
		"# /// script\n# requires-python = \">=3.10\"\n# dependencies = [\n#     \"pandas>=2,<3\",\n#     \"requests\",\n#     \"playwright>=1.40\",\n# ]\n# ///\n")
}

func TestEvalsAreThePastCases(t *testing.T) {
	s := withCases(wordCount(t), 25)
	s.Cases[0].Files = map[string][]byte{"in/text.txt": []byte("a b"), "other.txt": []byte("c")}
	s.Cases[1].Files = map[string][]byte{"large.txt": make([]byte, 256<<10+1)}
	s.Cases[2].Files = map[string][]byte{"../out.txt": nil}
	a := made(t, "agent-skills", export.Options{Cases: true}, s)

	var got struct {
		SkillName string `json:"skill_name"`
		Evals     []struct {
			ID       int
			Prompt   string
			Expected string `json:"expected_output"`
			Files    []string
			Case     string
		}
		LeftOut []struct{ Case, Why string } `json:"left_out"`
	}
	require.NoError(t, json.Unmarshal(a.Tree["word-count/evals/evals.json"].Data, &got))
	require.Equal(t, "word-count", got.SkillName)
	require.Len(t, got.Evals, 20)
	require.Equal(t, "word", got.Evals[0].Prompt)
	require.Equal(t, "1 words", got.Evals[0].Expected)
	require.Equal(t, []string{"evals/files/0000000000000000/in/text.txt", "evals/files/0000000000000000/other.txt"}, got.Evals[0].Files)
	require.Equal(t, "a b", string(a.Tree["word-count/"+got.Evals[0].Files[0]].Data))
	require.Equal(t, "0000000000000003", got.Evals[1].Case)
	require.Len(t, got.LeftOut, 5)
	require.Equal(t, "its input large.txt has 262145 bytes, at most 262144 are shipped", got.LeftOut[0].Why)
	require.Equal(t, `its input "../out.txt" is no clean relative path`, got.LeftOut[1].Why)
	require.Equal(t, "at most 20 cases are shipped", got.LeftOut[4].Why)

	for p := range made(t, "agent-skills", export.Options{}, s).Tree {
		require.NotContains(t, p, "evals", "cases were not wanted")
	}
}

func ExampleFormatByName() {
	_, err := export.FormatByName("egg")
	fmt.Println(err)
	// Output: unknown format "egg"; there are agent-skills, agent-skills-claude, agent-skills-agents, agent-skills-github, claude-plugin, python, python-script, mcp, prompt
}
