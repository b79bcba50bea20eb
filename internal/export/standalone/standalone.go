// Package standalone holds the Python modules with which an exported skill runs anywhere, without a worker: what it
// imports in the factory under the names tools and llm does the same here by itself, in Python's standard library.
// Signatures, shapes, limits, errors and notes are those of internal/pyruntime's modules with internal/web,
// internal/browser and internal/llm behind them; the package's tests run the same program against both.
//
//	tools.py    web_search, web_reading, shell_command, browser_automation (with Playwright for Python)
//	llm.py      call_llm, transcribe
//	run.py      the runner: main for launchers, call for programs that use a skill
//	_*.py       what these are made of
//
// They lie flat in one directory beside a launcher, need Python 3.9 or later, and are configured by environment
// variables: [Variables]. A launcher is
//
//	import run
//
//	SKILL = run.Skill(
//	    name="word-count", version="3", description="Counts the words of a page.", query="the address of the page",
//	    entry="word_count/subagent.py", tools=["web_reading"], model=True, requires=["pandas>=2"],
//	)
//
//	if __name__ == "__main__":
//	    run.main(SKILL)
//
// and `python word-count.py "https://example.org"` prints one line of JSON, {"answer": …, "summary": …}; what the skill
// itself prints goes to standard error, where a failure leaves one line as the last. Exit codes: 0 answered, 1 the skill
// failed, 2 usage, 3 a setting or a package is missing. `--help` says what the skill does and needs.
//
// A program that uses skills (an agent framework) imports run.py alone, under any name, and calls
// run.call("…/word-count.py", query, directory=None, timeout=None), which returns the dict or raises run.SkillError with
// code and message. Each call is a process of its own: skills come with modules of the same names.
//
// The keys leave the environment before the skill is loaded, so that commands and the browser do not inherit them. What
// the factory's sandbox and policy forbid, an export may do: the host that runs it decides.
//
// The package imports internal/pyruntime for the modules that both sides share, and nothing else.
package standalone

import (
	"embed"
	"fmt"
	"slices"

	"agentfactory/internal/pyruntime"
)

//go:embed python/*.py
var modules embed.FS

// OldestPython is the first version on which the modules run.
const OldestPython = "3.9"

// ofTool names the modules that only one tool skill needs; the others belong to every export.
var ofTool = map[string][]string{
	"web_search":         {"_search.py"},
	"web_reading":        {"_reading.py", "_extract.py", "_markdown.py"},
	"shell_command":      {"_command.py"},
	"browser_automation": {"_browser.py", "_session.py", "_page.py", "_actions.py", "_files.py", "_goal.py", "_egress.py"},
}

// Files returns the modules that a skill with these tools needs, by file name. Tools that are not known need none.
func Files(tools []string) map[string][]byte {
	files := map[string][]byte{}
	for name, data := range all() {
		if tool := toolOf(name); tool == "" || slices.Contains(tools, tool) {
			files[name] = data
		}
	}
	return files
}

// all returns every module. What is embedded can be read.
func all() map[string][]byte {
	entries, err := modules.ReadDir("python")
	if err != nil {
		panic(fmt.Sprintf("standalone: %v", err))
	}
	files := map[string][]byte{}
	for _, name := range shared {
		files[name] = pyruntime.Module(name)
	}
	for _, e := range entries {
		data, err := modules.ReadFile("python/" + e.Name())
		if err != nil {
			panic(fmt.Sprintf("standalone: %v", err))
		}
		files[e.Name()] = data
	}
	return files
}

// shared are the modules that are the same in the factory.
var shared = []string{"_command.py", "_media.py"}

func toolOf(file string) string {
	for tool, files := range ofTool {
		if slices.Contains(files, file) {
			return tool
		}
	}
	return ""
}

// IsModule tells whether a file of an export is one of the modules, by its name without a directory.
func IsModule(name string) bool {
	_, ok := all()[name]
	return ok
}
