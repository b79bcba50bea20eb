package checking

import _ "embed"

// The places of the two modules in the workspace of a check's run. They lie in a folder whose name no file of a workspace
// may have, so that nothing that is judged stands in their place.
const (
	EntryFile  = ".agentfactory/check.py"        // holds Runner()
	ScriptFile = ".agentfactory/check_script.py" // holds what ParseScript returned
)

//go:embed runner.py
var runner string

// Runner is the Python module that carries out a check script as a subagent's entry. Its main takes a JSON object
// {"query": "…", "answer": "…"} and returns {"answer": "ok", "summary": "…"} when the check passes. What the script raises
// fails the run as an exception, "AssertionError: reason" if it found the output wrong; so does a script that cannot be
// loaded, has no check, or returns anything but None. Both modules are gone from the workspace when the check begins, so
// each run needs a workspace of its own. Results name the script by ScriptFile.
func Runner() string { return runner }
