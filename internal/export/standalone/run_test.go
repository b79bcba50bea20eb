package standalone_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/export/standalone"
)

// launcher is one as an export has it.
func launcher(options string) string {
	return `import run

SKILL = run.Skill(name="word-count", version="3", description="Counts words: 100% of %(prog)s <them>, ünïcode too.", query="a text",
    entry="word_count/subagent.py", ` + options + `)

if __name__ == "__main__":
    run.main(SKILL)
`
}

// skill is an export of this code.
func skill(t testing.TB, code, options string) string {
	t.Helper()
	return export(t, map[string]string{"word-count.py": launcher(options), "word_count/subagent.py": code})
}

const counts = `
from helper import words
def main(query):
    print("working")
    return {"answer": {"words": len(words(query)), "of": query}, "summary": "counted"}
`

func TestALauncherPrintsOneLineOfJSON(t *testing.T) {
	t.Parallel()
	dir := skill(t, counts, "")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "word_count", "helper.py"), []byte("def words(t): return t.split()"), 0o644))
	for name, c := range map[string]struct {
		stdin string
		args  []string
		of    string
	}{
		"a query":                   {"", []string{"eins zwei ünï"}, "eins zwei ünï"},
		"from standard input":       {"eins\nzwei drei\n", []string{"-"}, "eins\nzwei drei"},
		"that begins with a dash":   {"", []string{"--", "-a b c"}, "-a b c"},
		"that is not valid text":    {"", []string{"a b \xff"}, "a b �"},
		"in another working folder": {"", []string{"a b c", "--dir", os.TempDir()}, "a b c"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done := run(t, dir, nil, c.stdin, append([]string{"word-count.py"}, c.args...)...)
			require.Zero(t, done.code, done.stderr)
			require.Equal(t, "working\n", done.stderr)
			require.True(t, strings.HasSuffix(done.stdout, "}\n") && strings.Count(done.stdout, "\n") == 1, done.stdout)
			var got struct{ Answer, Summary string }
			require.NoError(t, json.Unmarshal([]byte(done.stdout), &got))
			require.Equal(t, "counted", got.Summary)
			var answer map[string]any
			require.NoError(t, json.Unmarshal([]byte(got.Answer), &answer))
			require.Equal(t, map[string]any{"words": 3.0, "of": c.of}, answer)
		})
	}
}

func TestTheExitCodeAndTheLastLineSayWhyThereIsNoAnswer(t *testing.T) {
	t.Parallel()
	whole := "OPENAI_API_KEY=" + openaiKey
	for name, c := range map[string]struct {
		code, options string
		env           []string
		args          []string
		exit          int
		says          string
	}{
		"no query":                      {"", "", nil, []string{}, 2, "there is no query; give one, or - to read it from standard input; see --help"},
		"an unknown option":             {"", "", nil, []string{"x", "--verbose"}, 2, "unrecognized arguments: --verbose; see --help"},
		"a folder that is not there":    {"", "", nil, []string{"x", "--dir", "/nowhere"}, 2, "/nowhere: No such file or directory"},
		"an exception":                  {"def main(q): raise ValueError('no\\nwords')", "", nil, nil, 1, "ValueError: no words"},
		"no main":                       {"x = 1", "", nil, nil, 1, "the module defines no function main(query)"},
		"a syntax error":                {"def main(q) return 1", "", nil, nil, 1, "SyntaxError"},
		"no dict":                       {"def main(q): return 'x'", "", nil, nil, 1, "main returned str instead of a dict with answer and summary"},
		"no answer":                     {"def main(q): return {'summary': 'x'}", "", nil, nil, 1, "main returned a dict without answer; it has ['summary']"},
		"an exit":                       {"import sys\ndef main(q): sys.exit(0)", "", nil, nil, 1, "the skill called sys.exit(0)"},
		"an answer of no JSON":          {"def main(q):\n    d = {}\n    d['d'] = d\n    return {'answer': d, 'summary': ''}", "", nil, nil, 1, "answer and summary must be text or JSON values"},
		"a key of the model":            {"", "model=True", nil, nil, 3, "set OPENAI_API_KEY, or OPENAI_BASE_URL for another OpenAI-compatible server"},
		"a broken key":                  {"", "model=True", []string{"OPENAI_API_KEY=sk a\nb"}, nil, 3, "OPENAI_API_KEY holds a space, a line break or a character outside ASCII: set it again"},
		"the name of the model":         {"", "model=True", []string{whole}, nil, 3, "set AGENTFACTORY_SUBAGENT_MODEL, AGENTFACTORY_MODEL or OPENAI_MODEL to the name of a model"},
		"a URL":                         {"", "model=True", []string{"OPENAI_BASE_URL=localhost"}, nil, 3, "OPENAI_BASE_URL is no http or https URL; give one such as https://api.openai.com/v1"},
		"a key of the search":           {"", "tools=['web_search']", nil, nil, 3, "set SERPER_API_KEY: web_search needs a key of serper.dev"},
		"Playwright":                    {"", "tools=['browser_automation']", nil, nil, 3, "install Playwright, which browser_automation needs: python -m pip install playwright && python -m playwright install chromium"},
		"a package":                     {"import nowhere_to_be_found", "requires=['nowhere>=2']", nil, nil, 3, `the module nowhere_to_be_found is missing: python -m pip install "nowhere>=2"`},
		"a key that it needs later":     {"from llm import transcribe\nopen('a.mp3', 'w').write('x')\ndef main(q):\n    try: transcribe('a.mp3')\n    except Exception as e: raise ValueError('no text') from e", "", nil, nil, 3, "ValueError: no text"},
		"a tool that it was not given":  {"from tools import shell_command", "tools=['web_reading']", nil, nil, 1, "ImportError: shell_command is not among the tools that this skill was given (it has web_reading)"},
		"none was given":                {"import tools\ntools.search_serper", "", nil, nil, 1, "ImportError: web_search is not among the tools that this skill was given (it has none)"},
		"a module like one of the kind": {"import run\ndef main(q): return run.answer", "", nil, nil, 1, "main returned int instead of a dict"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := skill(t, c.code, c.options)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "word_count", "run.py"), []byte("answer = 3"), 0o644))
			args := append([]string{"word-count.py"}, c.args...)
			if c.args == nil {
				args = append(args, "x")
			}
			done := run(t, dir, c.env, "", args...)
			lines := strings.Split(strings.TrimSpace(done.stderr), "\n")
			require.Contains(t, lines[len(lines)-1], c.says)
			require.Equal(t, c.exit, done.code, done.stderr)
			require.Empty(t, done.stdout)
			require.NotContains(t, done.stderr, "Traceback")
		})
	}
}

func TestATracebackIsShownOnRequest(t *testing.T) {
	done := run(t, skill(t, "def main(q): return 1 / 0", ""), nil, "", "word-count.py", "--traceback", "x")
	require.Equal(t, 1, done.code)
	require.Contains(t, done.stderr, `subagent.py", line 1, in main`)
	require.True(t, strings.HasSuffix(done.stderr, "\nZeroDivisionError: division by zero\n"), done.stderr)
}

func TestHelpNamesEveryVariable(t *testing.T) {
	t.Parallel()
	tools := []string{"web_search", "web_reading", "browser_automation", "shell_command"}
	done := run(t, skill(t, "", "model=True, audio=True, requires=['pandas>=2'], tools="+toJSON(t, tools)), nil, "", "word-count.py", "--help")
	require.Zero(t, done.code)
	require.Contains(t, done.stdout, "Counts words: 100% of %(prog)s <them>, ünïcode too.")
	require.Contains(t, done.stdout, "QUERY        a text")
	require.Contains(t, done.stdout, "  pandas>=2\n")
	require.Contains(t, done.stdout, "3 a setting or package is missing")
	for _, v := range standalone.Variables(standalone.Needs{Tools: tools, Model: true, Audio: true}) {
		require.Contains(t, done.stdout, "  "+v.Name+" ")
	}
	_, section, _ := strings.Cut(done.stdout, "Environment:\n")
	section, _, _ = strings.Cut(section, "\n\n")
	require.Len(t, strings.Split(section, "\n"), len(standalone.Variables(standalone.Needs{Tools: tools, Model: true, Audio: true})))

	require.Equal(t, "word-count 3\n", run(t, skill(t, "", ""), nil, "", "word-count.py", "--version").stdout)
}

func toJSON(t testing.TB, v any) string {
	t.Helper()
	body, err := json.Marshal(v)
	require.NoError(t, err)
	return string(body)
}

func TestCommandsDoNotInheritKeys(t *testing.T) {
	t.Parallel()
	dir := skill(t, "from tools import shell_command\ndef main(q): return {'answer': shell_command('env')['stdout'], 'summary': ''}", "tools=['shell_command']")
	done := run(t, dir, []string{"OPENAI_API_KEY=" + openaiKey, "SERPER_API_KEY=" + serperKey, "JINA_API_KEY=" + jinaKey, "PLAIN=1"}, "", "word-count.py", "x")
	require.Zero(t, done.code, done.stderr)
	require.Contains(t, done.stdout, "PLAIN=1")
	require.NotContains(t, done.stdout, "_API_KEY")
}

func TestThreadsThatAreLeftDoNotKeepTheProcess(t *testing.T) {
	t.Parallel()
	dir := skill(t, "import threading, time, tempfile\nkept = tempfile.TemporaryDirectory(dir='.')\ndef main(q):\n    threading.Thread(target=time.sleep, args=(600,)).start()\n    return {'answer': 'a', 'summary': 'b'}", "")
	done := run(t, dir, nil, "", "word-count.py", "x")
	require.Zero(t, done.code, done.stderr)
	left, err := filepath.Glob(filepath.Join(dir, "tmp*"))
	require.NoError(t, err)
	require.Empty(t, left, "what is cleaned up at the end is cleaned up")
}

// host is a program that uses skills; it imports the runner alone, under a name of its own.
const host = `
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("some_host.runner", "run.py")
runner = importlib.util.module_from_spec(spec)
spec.loader.exec_module(runner)
assert not {"tools", "llm", "_settings"} & set(sys.modules)
def tried(**options):
    try:
        return runner.call("word-count.py", **options)
    except runner.SkillError as e:
        return [e.code, str(e)]
print(json.dumps([tried(**o) for o in json.load(sys.stdin)]))
`

func TestAProgramCallsASkill(t *testing.T) {
	t.Parallel()
	dir := skill(t, `
import os, subprocess, time
from llm import call_llm
def main(query):
    print("noise")
    if query == "fail": raise KeyError("x")
    if query == "hang": subprocess.run(["sleep", "600"])
    if query == "die": os._exit(9)
    return {"answer": query, "summary": os.environ.get("EXTRA", "") + os.path.basename(os.getcwd())}
`, "")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "work"), 0o755))
	text := "- äöü\n" + strings.Repeat("x", 300_000)
	given := []map[string]any{
		{"query": text, "directory": "work", "env": map[string]string{"EXTRA": "extra "}}, {"query": "fail"}, {"query": "hang", "timeout": 2}, {"query": "die"},
	}
	done := run(t, dir, nil, toJSON(t, given), "-c", host)
	require.Zero(t, done.code, done.stderr)
	var got []any
	require.NoError(t, json.Unmarshal([]byte(done.stdout), &got))
	require.True(t, got[0].(map[string]any)["answer"] == text)
	require.Equal(t, "extra work", got[0].(map[string]any)["summary"])
	require.Equal(t, []any{
		[]any{"failed", "KeyError: 'x'"}, []any{"timeout", "the skill was ended after 2 seconds"}, []any{"failed", "it ended with exit code 9 and said nothing"},
	}, got[1:])
}
