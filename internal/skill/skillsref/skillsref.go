// Package skillsref runs the Agent Skills reference validator (PyPI package skills-ref) in tests, so that what this
// project writes is judged by the standard's own program and not only by our reading of it. Nothing but tests imports it.
package skillsref

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
)

// interpreters are the places where a Python that has skills-ref is looked for: what the environment names, then the
// ordinary one.
func interpreters() []string {
	return []string{os.Getenv("AGENTFACTORY_TEST_SKILLS_REF"), "python3"}
}

const program = `
import json, sys
from pathlib import Path
from skills_ref.validator import validate
def judge(p):
    try:
        return validate(Path(p))
    except Exception as e:
        return [type(e).__name__ + ": " + str(e)]
json.dump([judge(p) for p in json.load(sys.stdin)], sys.stdout)
`

// Validate returns the reference validator's complaints about each skill directory, in the order of dirs; an empty
// list means valid. Without the validator the test is skipped, or fails if AGENTFACTORY_TEST_REQUIRE is "all".
// AGENTFACTORY_TEST_SKILLS_REF names the Python interpreter of an environment that has it.
func Validate(t testing.TB, dirs ...string) [][]string {
	t.Helper()
	python := find(t)
	input, err := json.Marshal(dirs)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-c", program)
	cmd.Stdin = bytes.NewReader(input)
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("run skills-ref: %v", err)
	}
	var complaints [][]string
	if err := json.Unmarshal(output, &complaints); err != nil {
		t.Fatalf("read what skills-ref printed: %v", err)
	}
	return complaints
}

func find(t testing.TB) string {
	t.Helper()
	for _, python := range interpreters() {
		if python != "" && exec.Command(python, "-c", "import skills_ref.validator").Run() == nil {
			return python
		}
	}
	const missing = "no Python has skills-ref: pip install skills-ref, and name the interpreter in AGENTFACTORY_TEST_SKILLS_REF"
	if os.Getenv("AGENTFACTORY_TEST_REQUIRE") == "all" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}
