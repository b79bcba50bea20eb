package standalone_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/export/standalone"
	"agentfactory/internal/pyruntime"
)

func TestAnExportHasTheModulesOfItsToolsAndNoOthers(t *testing.T) {
	base := []string{"_addresses.py", "_call.py", "_exchange.py", "_media.py", "_needs.py", "_openai.py", "_runner.py", "_service.py", "_settings.py", "llm.py", "run.py", "tools.py"}
	for name, c := range map[string]struct{ tools, more []string }{
		"no tool":        {nil, nil},
		"a search":       {[]string{"web_search"}, []string{"_search.py"}},
		"commands":       {[]string{"shell_command"}, []string{"_command.py"}},
		"pages":          {[]string{"web_reading"}, []string{"_extract.py", "_markdown.py", "_reading.py"}},
		"a browser":      {[]string{"browser_automation"}, []string{"_actions.py", "_browser.py", "_egress.py", "_files.py", "_goal.py", "_page.py", "_session.py"}},
		"an unknown one": {[]string{"teleport"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			files := slices.Sorted(maps.Keys(standalone.Files(c.tools)))
			require.Equal(t, slices.Sorted(slices.Values(slices.Concat(base, c.more))), files)
			for _, file := range files {
				require.True(t, standalone.IsModule(file))
			}
		})
	}
	require.False(t, standalone.IsModule("subagent.py"))
	require.Equal(t, pyruntime.Module("_command.py"), standalone.Files(allTools)["_command.py"])
	require.Equal(t, pyruntime.Module("_media.py"), standalone.Files(allTools)["_media.py"])
}

// inspect parses every module as the oldest Python would, and prints the modules that are imported at the top of each and
// where else, and those without a docstring.
const inspect = `
import ast, glob, json, sys
own = {f[:-3] for f in glob.glob("*.py")}
oldest = tuple(map(int, sys.argv[1].split(".")))
found = {"foreign": [], "undocumented": []}
for file in sorted(glob.glob("*.py")):
    with open(file, encoding="utf-8") as f:
        tree = ast.parse(f.read(), file, feature_version=oldest)
    if not ast.get_docstring(tree):
        found["undocumented"].append(file)
    for node in ast.walk(tree):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module] if isinstance(node, ast.ImportFrom) else []
        found["foreign"] += [file + " " + n for n in names if n.split(".")[0] not in own | set(sys.stdlib_module_names)]
print(json.dumps(found))
`

func TestTheModulesNeedTheStandardLibraryOfTheOldestPythonAlone(t *testing.T) {
	done := run(t, export(t, nil), nil, "", "-c", inspect, standalone.OldestPython)
	require.Zero(t, done.code, done.stderr)
	var found map[string][]string
	require.NoError(t, json.Unmarshal([]byte(done.stdout), &found))
	require.Empty(t, found["undocumented"])
	require.Equal(t, []string{"_extract.py pypdf"}, found["foreign"], "Playwright is imported by its name when it is used")
}
