package check_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/export"
	"agentfactory/internal/export/check"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/sandbox"
	"agentfactory/internal/skill"
)

// shared is where the packages of all tests are, so that the linters are installed once. TestMain removes it.
var shared string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "check-test-")
	if err != nil {
		panic(err)
	}
	shared = dir
	code := m.Run()
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o755) // installed packages are read-only
		}
		return nil
	})
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func required() bool { return os.Getenv("AGENTFACTORY_TEST_REQUIRE") == "all" }

// newChecker checks as workers do, in the strongest sandbox of the machine.
func newChecker(t testing.TB, secrets ...string) *check.Checker {
	t.Helper()
	python, err := pyruntime.Discover(t.Context(), "", sandbox.Readable)
	require.NoError(t, err)
	box, err := sandbox.New(sandbox.Config{Python: python.Path, ReadOnly: python.Roots, StateDir: shared})
	if err != nil && !required() {
		t.Skip(err)
	}
	require.NoError(t, err)
	rt, err := pyruntime.New(pyruntime.Config{Python: python, Dir: filepath.Join(shared, "packages"), Sandbox: box})
	require.NoError(t, err)
	c, err := check.New(check.Config{Sandbox: box, Python: python, Packages: rt.Environments(), Secrets: secrets})
	require.NoError(t, err)
	return c
}

// newSkill is a skill of one file and perhaps more.
func newSkill(t testing.TB, entry string, change ...func(*export.Skill)) export.Skill {
	t.Helper()
	s := export.Skill{
		Manifest: skill.Manifest{Name: "word-count", Version: 1, EntryFile: "word_count.py"},
		Document: skill.Document{Name: "word-count", Description: "Counts words.", Body: "# Word count\n\nCounts."},
		Code:     map[string][]byte{"word_count.py": []byte(entry)},
	}
	for _, f := range change {
		f(&s)
	}
	var err error
	s.Declared, err = pyruntime.Dependencies(s.Code["word_count.py"])
	require.NoError(t, err)
	return s
}

func granted(tools ...string) func(*export.Skill) {
	return func(s *export.Skill) { s.Manifest.Tools = tools }
}

func checked(t testing.TB, c *check.Checker, s export.Skill) []check.Finding {
	t.Helper()
	report, err := c.Check(t.Context(), s)
	var missing *pyruntime.IndexError
	if (errors.As(err, &missing) || errors.Is(err, pyruntime.ErrNoInstaller)) && !required() {
		t.Skip(err)
	}
	require.NoError(t, err)
	return report.Findings
}

// said are findings as "severity file:line rule", each once.
func said(found []check.Finding) []string {
	list := []string{}
	for _, f := range found {
		if line := fmt.Sprintf("%s %s:%d %s", f.Severity, f.File, f.Line, f.Rule); !slices.Contains(list, line) {
			list = append(list, line)
		}
	}
	return list
}

const clean = `# /// script
# dependencies = ["six"]
# requires-python = ">=3.9"
# ///
"""Counts words."""
import json
import os.path
import six
from tools import web_search, ToolError
from llm import call_llm
import helper


def main(query):
    """See https://example.com/home/ for /home/bob."""
    return {"answer": helper.count(query), "summary": json.dumps(six.text_type("x"))}
`

func helper(s *export.Skill) {
	s.Code["helper.py"] = []byte("import re\n\n\ndef count(text):\n    return len(re.findall(r'\\w+', text))\n")
}

func TestAGoodSkillHasNoFindings(t *testing.T) {
	c := newChecker(t, "the-worker's-own-key")
	require.Empty(t, checked(t, c, newSkill(t, clean, helper, granted("web_search"), func(s *export.Skill) {
		s.Cases = []export.Case{{Case: skill.Case{ID: "0123456789abcdef", Query: "Count /workspace/a.txt"}, Answer: "3",
			Files: map[string][]byte{"a.csv": []byte("id,sum\n1,9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n"), "b.bin": {0, 1, 2}}}}
	})))
}

// What a skill does not say of its Python is found out, so that its exports can say it.
func TestTheOldestPythonOfASkillIsFound(t *testing.T) {
	c := newChecker(t)
	for code, oldest := range map[string]string{
		"def main(query):\n    return {}\n":                                                      "3.9",
		"def main(query: str | None):\n    match query:\n        case None: return {}\n":         "3.10",
		"import tomllib\ndef main(query):\n    return tomllib.loads(query)\n":                    "3.11",
		"# /// script\n# requires-python = \">=3.10\"\n# ///\ndef main(query):\n    return {}\n": "3.10",
	} {
		report, err := c.Check(t.Context(), newSkill(t, code))
		require.NoError(t, err)
		require.Equal(t, oldest, report.Python, code)
		require.Empty(t, check.Errors(report.Findings), code)
	}
}

// Each line of the sources that is at fault says so in a comment: "# <- severity rule". Nothing else may be found.
var faults = map[string]string{
	"keys.py": `
API_KEY = "sk-proj-abcdefghij0123456789T3BlbkFJabcdefghij0123456789"  # <- error secret
AWS = "AKIAIOSFODNN7EXAMPLA"  # pragma: allowlist secret  # <- error secret
password = "correct-horse-battery"  # <- error secret
token = "9f8a7c6b5e4d3c2b1a0f9e8d7c6b5a4f"  # <- error secret
digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"  # <- warning secret
URL = "https://bob:hunter22@db.example.com/"  # <- error secret
`,
	"modules_that_nobody_provides.py": `
import numpy as np  # <- error import
from bs4 import BeautifulSoup  # <- error import
try:
    import lxml  # <- warning import
except ImportError:
    lxml = None
import importlib.metadata, xml.etree.ElementTree
from . import keys
import keys
`,
	"newer_than_python_3_9.py": `
import tomllib  # <- error python
from datetime import UTC  # <- error python
import itertools
pairs = itertools.pairwise  # <- error python
def kind(x: int | None):  # <- error syntax
    match x:  # <- error syntax
        case 1: pass
`,
	"no_python.py": `
def main(x, x):  # <- error syntax
    pass
`,
	"too_deep_to_be_read.py": "x = " + strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000) + "  # <- error syntax\n",
	"names_that_are_not_defined.py": `
def main(query):
    return {"answer": undefined, "summary": ""}  # noqa  # <- warning name
`,
	"tools_that_were_not_granted.py": `
from tools import (  # <- error tool
    web_search, read_url_jina)
import tools
tools.web_search("x")
tools.web_reading("x")  # <- error tool
tools.telepathy("x")  # <- error tool
`,
	"programs.py": `
import subprocess, os
subprocess.run(["ls"])  # nosec  # <- error permission
subprocess.run("ls " + os.sep, shell=True)  # <- error permission
os.system("ls")  # <- error permission
`,
	"network_past_http.py": `
import socket, ctypes  # <- error permission
try:
    socket.create_connection(("example.com", 80))  # <- error permission
except socket.timeout:
    pass
`,
	"code_made_while_it_runs.py": `
def main(query):
    exec(query)  # <- error permission
    return eval(query)  # <- error permission
`,
	"paths_of_one_machine.py": `
A = "/home/bob/data.csv"  # <- error machine-path
B = open("/workspace/data.csv")  # <- error machine-path
C = r"C:\Users\bob\x.txt"  # <- error machine-path
D = "/tmp/x"  # <- warning machine-path
E = "https://api.example.com/home/bob"
F = "cat /root/.ssh/id_rsa"  # <- error machine-path
G = "/usr/share/dict/words"
`,
	"hosts_that_were_not_seen.py": `
A = "https://api.example.com/v1"
B = "https://evil.example.net/x"  # <- warning permission
C = "http://www.w3.org/2000/svg"
`,
	// None of these excuses anything, or stands in the place of a module of the checker.
	"pyproject.toml": "[tool.bandit]\nskips=['B307']\n[tool.ruff]\nexclude=['*']\n",
	".bandit":        "[bandit]\nskips: B307\n",
	"--exit.py":      "x = 1\n",
	"linters.py":     "raise SystemExit(0)\n",
	"json.py":        "raise SystemExit(0)\n",
	"ä b.py":         "import tomllib  # <- error python\n",
	"a:1:2:b.py":     "x = 1  # <- error path\n",
}

func TestFaultsAreFoundWhereTheyAre(t *testing.T) {
	found := checked(t, newChecker(t), newSkill(t, "# /// script\n# requires-python = \">=3.9\"\n# ///\nimport json\n", granted("web_search"), func(s *export.Skill) {
		s.Manifest.Permissions = &skill.Permissions{Hosts: []string{"api.example.com", "db.example.com"}}
		for path, source := range faults {
			s.Code[path] = []byte(strings.TrimPrefix(source, "\n"))
		}
	}))
	var want []string
	for path, source := range faults {
		want = append(want, expected(path, strings.TrimPrefix(source, "\n"))...)
	}
	require.ElementsMatch(t, want, said(found), "%v", found)
	for _, f := range found {
		require.NotContains(t, f.Message, "\n")
		for _, secret := range []string{"hunter22", "AKIA", "correct-horse", "9f8a7c"} {
			require.NotContains(t, f.Message, secret)
		}
	}
}

func TestWhatASkillDeclaresIsWhatItIsHeldTo(t *testing.T) {
	c := newChecker(t)
	for name, test := range map[string]struct {
		source string
		change func(*export.Skill)
	}{
		"a newer Python": {source: `
# /// script
# requires-python = ">=3.11"
# ///
import tomllib
from datetime import UTC
def kind(x: int | None):
    match x:
        case 1: pass
`, change: func(s *export.Skill) {}},
		"programs with shell_command": {source: `
import subprocess
subprocess.run("ls " + __file__, shell=True)  # <- warning permission
`, change: granted("shell_command")},
		"packages": {source: `
# /// script
# dependencies = ["requests==2.32.5", "six"]
# ///
import pickle, hashlib, random
import requests
import urllib3  # <- warning import
hashlib.md5(b"x"); random.random()
pickle.loads(b"x")  # <- warning risk
requests.get("https://example.com", verify=False, timeout=5)  # <- error risk
assert True
`, change: func(s *export.Skill) {}},
		"bytes that are no text": {source: "x = '\xff\xfe'  # <- error syntax\n", change: func(s *export.Skill) {}},
	} {
		t.Run(name, func(t *testing.T) {
			source := strings.TrimPrefix(test.source, "\n")
			found := checked(t, c, newSkill(t, source, test.change))
			require.Equal(t, expected("word_count.py", source), said(found), "%v", found)
		})
	}
}

// expected reads the comments of a source.
func expected(path, source string) []string {
	list := []string{}
	for i, line := range strings.Split(source, "\n") {
		if _, fault, ok := strings.Cut(line, "# <- "); ok {
			severity, rule, _ := strings.Cut(fault, " ")
			list = append(list, fmt.Sprintf("%s %s:%d %s", severity, path, i+1, rule))
		}
	}
	return list
}

func TestSecretsAreFoundInDocumentsAndCases(t *testing.T) {
	const own = "worker-key-0123"
	c := newChecker(t, own, "short")
	found := checked(t, c, newSkill(t, "def main(query):\n    return {}\n", func(s *export.Skill) {
		s.Document.Body = "# Count\n\nUse ghp_abcdefghijklmnopqrstuvwxyzABCDEF0123\npassword: whatever-it-is"
		s.Cases = []export.Case{{Case: skill.Case{ID: "0123456789abcdef", Query: "short: count\nwith " + own}, Answer: "3",
			Files: map[string][]byte{"k.pem": []byte("x\n-----BEGIN RSA PRIVATE KEY-----\n"), "big.bin": []byte(strings.Repeat("x", 300<<10) + own)}}}
	}))
	require.Equal(t, []string{
		"error SKILL.md:8 secret",
		"error cases/0123456789abcdef/files/k.pem:2 secret",
		"error cases/0123456789abcdef/query:2 secret",
	}, said(check.Errors(found)))
	for _, f := range found {
		require.NotContains(t, f.Message, own)
		require.NotContains(t, f.Message, "ghp_")
	}
}

func TestPackagesThatDoNotExistAreAFinding(t *testing.T) {
	found := checked(t, newChecker(t), newSkill(t, "import x_y\n# /// script\n# dependencies = [\"six==0.0.1.dev99\"]\n# ///\n"))
	require.Equal(t, []string{"error word_count.py:2 dependency"}, said(found))
	require.Contains(t, found[0].Message, "six")
}

func TestAnOldPythonThatIsNoneIsAFinding(t *testing.T) {
	for declared, says := range map[string]string{"<3": "admits no Python 3", "three": "admits no Python 3"} {
		found := checked(t, newChecker(t), newSkill(t, "# /// script\n# requires-python = \""+declared+"\"\n# ///\n"))
		require.Len(t, found, 1)
		require.Contains(t, found[0].Message, says)
	}
}

// Without linters nothing may pass for checked.
func TestWithoutAnIndexTheCheckIsAnError(t *testing.T) {
	for _, name := range []string{"PIP_INDEX_URL", "UV_DEFAULT_INDEX"} {
		t.Setenv(name, "http://127.0.0.1:9/simple")
	}
	for name, value := range map[string]string{"PIP_FIND_LINKS": "", "PIP_RETRIES": "0", "UV_HTTP_RETRIES": "0", "NO_PROXY": "127.0.0.1"} {
		t.Setenv(name, value)
	}
	old := shared
	shared = t.TempDir()
	defer func() { shared = old }()
	_, err := newChecker(t).Check(t.Context(), newSkill(t, clean, helper))
	if errors.Is(err, pyruntime.ErrNoInstaller) && !required() {
		t.Skip(err)
	}
	var missing *pyruntime.IndexError
	require.ErrorAs(t, err, &missing)
	require.ErrorContains(t, err, "check word-count: provide the linters")
	require.NotContains(t, err.Error(), "\n")
}

func BenchmarkCheck(b *testing.B) {
	c := newChecker(b)
	s := newSkill(b, clean, helper, granted("web_search"))
	require.Empty(b, checked(b, c, s))
	for b.Loop() {
		require.Empty(b, checked(b, c, s))
	}
}
