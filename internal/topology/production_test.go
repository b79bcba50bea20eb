package topology

import (
	"archive/zip"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/export"
	"agentfactory/internal/llm/scripted"
	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// counting is a model that builds a skill with a mistake, repairs it, and repairs it again for another kind of file.
const counting = `
conversations:
  - name: greet
    when: {user: greet}
    turns:
      - calls: [{name: finish, arguments: {answer: hello}}]
  - name: repair
    when: {user: Latin-1}
    turns:
      - calls: [{name: run_subagent, arguments: {skill_name: word-count, query: latin.txt}}]
      - calls:
          - {name: modify_subagent, arguments: {skill_name: word-count, old_content: 'encoding="utf-8"', new_content: 'encoding="utf-8", errors="replace"'}}
          - {name: run_subagent, arguments: {skill_name: word-count, query: latin.txt}}
      - calls:
          - name: finish
            arguments:
              answer: 'words: {{.Find "answer: (\\d+)"}}'
              subagents: [{entry_file: skills/word-count/subagent.py, description: Counts the words of the text file that query names.}]
  - name: build
    when: {user: count the words}
    turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: word-count
              code: |
                """Counts words; the query is the name of a text file."""
                def main(query):
                    text = open(query, encoding="ascii").read()
                    return {"answer": str(len(text.split())), "summary": "counted " + query}
              query: first.txt
      - calls:
          - {name: modify_subagent, arguments: {filename: subagent.py, old_content: 'encoding="ascii"', new_content: 'encoding="utf-8"'}}
          - {name: run_subagent, arguments: {filename: subagent.py, query: first.txt}}
      - calls:
          - name: finish
            arguments:
              answer: 'words: {{.Find "answer: (\\d+)"}}'
              subagents: [{entry_file: subagent.py, description: Counts the words of the text file that query names.}]
`

// animal stands in the task: Temporal's database must not hold it.
const animal = "zebrafinch"

// What docs/operations.md tells an operator to do, done: PostgreSQL, Temporal, its UI, S3 and two workers with TLS everywhere and
// encrypted payloads; a skill is built, repaired and exported through them by Temporal's own command line; workers are replaced
// by those of a new release.
func TestTheProductionSetUpBuildsRepairsAndExportsASkill(t *testing.T) {
	browser := newBrowser(t)
	model := startModel(t)
	p := &production{t: t, Topology: Start(t, Options{
		Workers: 2, UI: true, Encrypted: true, ModelURL: model, WorkerArgs: []string{"--deployment", "agentfactory", "--build-id", "1.0.0"}, WorkerEnv: []string{"AGENTFACTORY_CHECKS=off"},
	})}
	p.cli = p.CLI()
	for _, chapter := range []struct {
		name string
		tell func()
	}{
		{"strangers are kept out", p.strangersAreKeptOut},
		{"the first release takes on runs", p.firstRelease},
		{"a run is started, watched and approved", func() { p.install(browser) }},
		{"the run is found", p.find},
		{"the run goes back to a turn", p.reset},
		{"the database holds no words of the task", p.searchDatabase},
		{"the skill is repaired", p.evolve},
		{"the skill is exported and runs alone", p.deploy},
		{"a schedule starts runs", func() { p.schedule(browser) }},
		{"a new release takes over", p.upgrade},
	} {
		began := time.Now()
		chapter.tell()
		t.Logf("%5.1fs %s", time.Since(began).Seconds(), chapter.name)
	}
}

// production is the topology with its operator.
type production struct {
	*Topology
	t   testing.TB
	cli Program
}

func startModel(t testing.TB) (url string) {
	t.Helper()
	script, err := scripted.Parse([]byte(counting))
	require.NoError(t, err)
	model, err := scripted.NewServer(script, scripted.Options{})
	require.NoError(t, err)
	listening, err := scripted.Start("127.0.0.1:0", model)
	require.NoError(t, err)
	t.Cleanup(func() { listening.Close() })
	return listening.URL
}

// strangersAreKeptOut: without TLS, and with TLS but without a certificate, nobody comes in.
func (p *production) strangersAreKeptOut() {
	knocker := p.cli
	knocker.env = []string{"HOME=" + p.t.TempDir()}
	knock := []string{"operator", "cluster", "health", "--address", p.temporalAddress(), "--command-timeout", "10s"}
	trusting := append(knock, "--tls-ca-path", p.tls.ca())
	knocker.Refused(knock...)
	knocker.Refused(trusting...)
	require.Contains(p.t, knocker.Run(append(trusting, "--tls-cert-path", p.tls.client(), "--tls-key-path", p.Topology.tls.clientKey())...), "SERVING")
}

// firstRelease: until its version is made the current one, its workers are given no runs, and people are told.
func (p *production) firstRelease() {
	require.Contains(p.t, p.Starter().Refused("doctor"), "deployment agentfactory has no current version")
	p.release("1.0.0")
}

// release makes a version the current one, as soon as the server knows its workers.
func (p *production) release(build string) {
	p.await("version "+build, func() bool {
		_, _, err := p.cli.Try("worker", "deployment", "set-current-version", "--deployment-name", "agentfactory", "--build-id", build, "--yes")
		return err == nil
	})
}

const words = `{"task":"count the words in the file of the ` + animal + `","approval":"finish","files":[{"path":"first.txt","text":"drei kleine Wörter"}]}`

func (p *production) install(look *browser) {
	p.start("words", "Install", words, "--static-summary", "Words in first.txt")
	waiting := p.until("words", in(run.WaitingForApproval))
	require.Equal(p.t, "words: 3", waiting.Approval.Answer)
	look.runOf(p.Topology, "words", p.runID("words"), "production-run.png")
	complaint := p.cli.Refused("workflow", "update", "execute", "-w", "words", "--name", "approve", "--input", decision("finish-0"))
	require.Contains(p.t, complaint, "not what waits now")
	p.approve("words")
	res := p.completed("words")
	require.Equal(p.t, []run.SavedSkill{{Name: "word-count", Version: 1, Promoted: true}}, res.Skills)
}

func (p *production) find() {
	p.finds(`AgentFactoryOutcome="completed" AND AgentFactorySkills="word-count" AND AgentFactoryTokens > 10`, "words")
	p.finds(`AgentFactoryPhase="waiting_for_approval"`)
	require.Contains(p.t, p.cli.Run("workflow", "metadata", "-w", "words"), "saved skill word-count version 1")
}

func (p *production) reset() {
	first := p.runID("words")
	p.cli.Run("workflow", "reset", "-w", "words", "--event-id", p.resetPoint("words", "turn 2"), "--reason", "try the second turn again", "--reapply-exclude", "Update")
	p.until("words", func(st run.Status) bool { return st.Approval != nil && p.runID("words") != first })
	p.approve("words")
	res := p.completed("words")
	require.NotEqual(p.t, first, res.RunID)
	require.Equal(p.t, 1, res.Skills[0].Version, "the version that was saved before the reset is adopted")
}

func (p *production) searchDatabase() {
	count := func(text string) string {
		out, err := p.psql(p.t.Context(), "temporal", "SELECT count(*) FROM history_node WHERE position('"+text+"'::bytea in data) > 0").CombinedOutput()
		require.NoError(p.t, err, string(out))
		return strings.TrimSpace(string(out))
	}
	require.NotEqual(p.t, "0", count("RunSubagent"), "names of activities are not encrypted")
	require.Equal(p.t, "0", count(animal))
}

func (p *production) evolve() {
	p.start("repair", "SelfEvolve", `{"skill":"word-count","task":"count the words in the Latin-1 file","query":"latin.txt","files":[{"path":"latin.txt","base64":"Z3L832U="}]}`)
	res := p.completed("repair")
	require.Equal(p.t, "word-count", res.Skills[0].Name)
	require.Equal(p.t, 2, res.Skills[0].Version)
	require.True(p.t, res.Skills[0].Promoted)
	require.Regexp(p.t, `2 +current .*by run repair .* passed \(2 cases\)`, p.Starter().Run("skills", "history", "word-count"))
}

func (p *production) deploy() {
	p.start("export", "Deploy", `{"skills":["word-count@2"],"allow_provisional":true}`)
	var res workflows.DeployResult
	p.result("export", &res)
	require.Empty(p.t, res.Failed)
	require.Len(p.t, res.Artifacts, 1)
	obj, err := p.Objects().Get(p.t.Context(), res.Artifacts[0].Key)
	require.NoError(p.t, err)
	report, err := export.VerifyBytes(obj.Body)
	require.NoError(p.t, err)
	require.Empty(p.t, report.Problems)
	archive, err := zip.NewReader(bytes.NewReader(obj.Body), int64(len(obj.Body)))
	require.NoError(p.t, err)
	dir := p.t.TempDir()
	require.NoError(p.t, os.CopyFS(dir, archive))
	require.NoError(p.t, os.WriteFile(filepath.Join(dir, "other.txt"), []byte("one two three four"), 0o600))
	alone := exec.Command("python3", filepath.Join("word-count", "scripts", "word-count.py"), "other.txt")
	alone.Dir, alone.Env = dir, []string{"PATH=" + os.Getenv("PATH")}
	out, err := alone.Output()
	require.NoError(p.t, err)
	require.Contains(p.t, string(out), `"4"`)
}

func (p *production) schedule(look *browser) {
	p.cli.Run("schedule", "create", "--schedule-id", "nightly-care", "--cron", "0 3 * * *", "--time-zone", "Europe/Berlin",
		"--overlap-policy", "Skip", "--catchup-window", "10m", "--workflow-id", "nightly-care", "--type", "SelfEvolve", "--task-queue", "agentfactory", "--input", "{}")
	p.cli.Run("schedule", "trigger", "--schedule-id", "nightly-care")
	p.await("the run of the schedule", func() bool {
		return len(p.list(`TemporalScheduledById="nightly-care" AND ExecutionStatus="Completed"`)) == 1
	})
	look.schedule(p.Topology, "nightly-care", "production-schedule.png")
	require.Contains(p.t, p.Starter().Run("schedule", "list"), "nightly-care")
}

// upgrade replaces the workers while a run waits: it stays with its version until it is touched, and new runs begin on the new one.
func (p *production) upgrade() {
	p.start("held", "Install", `{"paused":true,"task":"greet one"}`)
	p.until("held", in(run.Paused))
	p.AddWorker("--build-id", "1.1.0")
	p.release("1.1.0")
	p.start("begun", "Install", `{"task":"greet two"}`)
	require.Equal(p.t, "hello", p.completed("begun").Answer)
	require.Equal(p.t, []string{"1.0.0", "1.1.0"}, []string{p.build("held"), p.build("begun")})

	p.update("held", "budget", `{"turns":50}`)
	p.await("the move of the held run", func() bool { return p.build("held") == "1.1.0" })
	for _, old := range p.Workers[:2] {
		old.Stop()
		require.Contains(p.t, old.Log(), "worker has drained")
	}
	p.update("held", "resume", "")
	require.Equal(p.t, "hello", p.completed("held").Answer)
}
