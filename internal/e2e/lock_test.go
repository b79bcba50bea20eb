package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/skill"
	"agentfactory/skillstore"
	"agentfactory/workflows"
)

// packaged is a model that builds a skill with a package, and runs one that the library has.
const packaged = `
conversations:
  - name: reuse
    when: {user: /old-version/}
    turns:
      - calls: [{name: run_subagent, arguments: {skill_name: old-version, query: which}}]
      - calls: [{name: finish, arguments: {answer: '{{.Find "answer: (\\S+)"}}'}}]
  - name: build
    turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: new-version
              code: |
                # /// script
                # dependencies = ["six<1.17"]
                # ///
                import six
                def main(query):
                    return {"answer": six.__version__, "summary": "asked the package"}
              query: which
      - calls:
          - name: finish
            arguments: {answer: '{{.Find "answer: (\\S+)"}}', subagents: [{entry_file: subagent.py, description: Says which version of the package six is installed.}]}
`

// The packages that a skill ran with are kept with its version, and it runs with the same ones ever after, whatever the index
// has to offer by then.
func TestASkillRunsWithThePackagesThatItWasSavedWith(t *testing.T) {
	t.Parallel()
	s := newStack(t, packaged)
	s.worker()
	require.Equal(t, "1.16.0", s.solve(workflows.InstallInput{Task: "which version of six is there"}).Answer)
	lock, err := s.skills.File(t.Context(), "new-version", 1, skill.LockFile)
	require.NoError(t, err)
	require.Contains(t, string(lock), "\nsix==1.16.0 --hash=sha256:")

	code, err := s.skills.File(t.Context(), "new-version", 1, "subagent.py")
	require.NoError(t, err)
	elsewhere := "# platform: cpython-38-aarch64-linux-gnu\n# requires: six<1.17\nsix==1.15.0 --hash=sha256:" + strings.Repeat("0", 64) + "\n"
	_, err = s.skills.AddVersion(t.Context(), skillstore.Draft{
		Name: "old-version", Description: "Says which old-version of the package six is installed.", EntryFile: "subagent.py",
		Files: map[string][]byte{"subagent.py": code, skill.LockFile: []byte(elsewhere)},
	})
	require.NoError(t, err)
	_, err = s.skills.Promote(t.Context(), skillstore.Promotion{Name: "old-version", Version: 1, PromotionID: "by hand"})
	require.NoError(t, err)
	require.Equal(t, "1.15.0", s.solve(workflows.InstallInput{Task: "which old-version of six is there"}).Answer)
}
