package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/run"
)

const countInput = `"task":"count the words in the file","files":[{"path":"first.txt","text":"drei kleine Wörter"}]`

func TestTheTemporalCLIStartsARunAndShowsItsResult(t *testing.T) {
	t.Parallel()
	s := newStack(t, wordCount)
	s.worker()
	c := s.cli()
	c.start("count", `{`+countInput+`}`)
	status, res := c.result("count")
	require.Equal(t, "COMPLETED", status)
	require.Equal(t, run.Completed, res.Outcome)
	require.Equal(t, "words: 3", res.Answer)
	require.Equal(t, run.Finished, c.status("count").Phase, "a finished run still answers")

	story := c.run("workflow", "metadata", "--workflow-id", "count")
	for _, line := range []string{"Task: count the words in the file", "turn 3", "saved skill word-count version 1", "instruct"} {
		require.Contains(t, story, line)
	}
	c.findsSoon(`AgentFactorySkills="word-count" AND AgentFactoryOutcome="completed" AND AgentFactoryTokens > 100`, "count")
	c.findsSoon(`AgentFactorySkills="word-count" AND AgentFactoryTokens > 10000`)
}

func TestTheTemporalCLISaysWhatIsWrongWithAnInput(t *testing.T) {
	t.Parallel()
	s := newStack(t, wordCount)
	s.worker()
	c := s.cli()
	c.start("typo", `{"task":"x","aproval":"finish"}`)
	complaint := c.refused("workflow", "result", "--workflow-id", "typo")
	require.Contains(t, complaint, `unknown field "aproval"; did you mean "approval"?`)
}

// steeredCount is a model that writes a wrong subagent, and answers in German when it is told to.
const steeredCount = `
conversations:
  - turns:
      - calls:
          - name: create_subagent
            arguments:
              skill_name: word_count
              code: |
                def main(query):
                    return {"answer": "none", "summary": "did not even look"}
              query: first.txt
      - calls: [{name: finish, arguments: {answer: 'words: {{.Find "answer: (\\w+)"}}', subagents: &saved [{entry_file: subagent.py, description: Counts the words of the text file that query names.}]}}]
      - when: "The user says: in German"
        calls: [{name: finish, arguments: {answer: 'Wörter: 3', subagents: *saved}}]
      - text: nobody asked for German
`

func TestARunIsSteeredWithTheTemporalCLI(t *testing.T) {
	t.Parallel()
	s := newStack(t, steeredCount)
	reply := s.holdModel(`"role":"tool"`) // that of the second turn
	s.worker()
	c := s.cli()
	c.start("steered", `{"paused":true,"approval":"finish",`+countInput+`}`)
	c.until("steered", in(run.Paused))
	c.findsSoon(`AgentFactoryPhase="paused"`, "steered")

	require.Contains(t, c.update("steered", "budget", `{"turns":7,"by":"ann"}`), "7 turns")
	require.Contains(t, c.update("steered", "resume", `{"steps":1}`), "pauses again after 1 action")
	st := c.until("steered", func(st run.Status) bool { return st.Phase == run.Paused && st.Turn == 1 })
	require.Equal(t, 7, st.Budget.Turns)
	require.Len(t, st.Next, 1)
	require.Equal(t, "create_subagent", st.Next[0].Tool)

	better := `{"skill_name":"word_count","query":"first.txt","code":"def main(query):\n    return {'answer': str(len(open(query).read().split())), 'summary': 'counted'}\n"}`
	require.Contains(t, c.update("steered", "amend", `{"call_id":"`+st.Next[0].CallID+`","arguments":`+better+`}`), "once the run goes on")
	require.True(t, c.status("steered").Next[0].Amended)
	require.Contains(t, c.update("steered", "resume", ""), "goes on")

	c.until("steered", func(st run.Status) bool { return st.Phase == run.Thinking && st.Turn == 1 })
	require.Contains(t, c.update("steered", "pause", `{"reason":"lunch"}`), "pauses after what it is doing now: turn 2")
	reply.release()
	c.until("steered", func(st run.Status) bool { return st.Phase == run.Paused && st.WaitsFor == "lunch" })
	c.update("steered", "resume", "")

	first := c.until("steered", in(run.WaitingForApproval)).Approval
	require.Equal(t, "words: 3", first.Answer, "the amended code was run")
	c.findsSoon(`AgentFactoryPhase="waiting_for_approval"`, "steered")
	c.update("steered", "instruct", `{"message":"in German"}`)
	second := c.until("steered", func(st run.Status) bool { return st.Approval != nil && st.Approval.ApprovalID != first.ApprovalID }).Approval
	require.Equal(t, "Wörter: 3", second.Answer)
	complaint := c.refused("workflow", "update", "execute", "--workflow-id", "steered", "--name", "approve", "--input", decision(first.ApprovalID))
	require.Contains(t, complaint, "is not what waits now")
	require.Contains(t, c.update("steered", "approve", decision(second.ApprovalID)), "approved")

	status, res := c.result("steered")
	require.Equal(t, "COMPLETED", status)
	require.Equal(t, "Wörter: 3", res.Answer)
	c.findsSoon(`AgentFactoryOutcome="completed" AND AgentFactoryTokens > 10 AND AgentFactoryModel="scripted-test"`, "steered")
	c.findsSoon(`AgentFactoryPhase!="finished"`)
}

func TestTheTemporalCLIShowsWhyAnUpdateIsRefused(t *testing.T) {
	t.Parallel()
	s := newStack(t, steeredCount)
	s.worker()
	c := s.cli()
	c.start("held", `{"paused":true,`+countInput+`}`)
	c.until("held", in(run.Paused))
	for _, u := range []struct{ name, input, says string }{
		{"instruct", `{"mesage":"x"}`, `unknown field "mesage"; did you mean "message"?`},
		{"instruct", `"x"`, "instruct: input is a JSON string; give an object"},
		{"budget", `{"turns":-1}`, "budget: turns is -1"},
		{"approve", decision("finish-0"), "nothing waits for an approval now"},
		{"pause", `{}`, "paused already"},
		{"resume", `{"steps":-2}`, "steps is -2"},
		{"amend", `{"call_id":"x","arguments":{}}`, `call_id "x" does not wait`},
		{"resum", `{}`, "unknown update resum"},
	} {
		complaint := c.refused("workflow", "update", "execute", "--workflow-id", "held", "--name", u.name, "--input", u.input)
		require.Contains(t, strings.ReplaceAll(complaint, `\"`, `"`), u.says)
	}
}

func TestTheTemporalCLIEndsRuns(t *testing.T) {
	t.Parallel()
	s := newStack(t, wordCount)
	s.worker()
	c := s.cli()
	for id, command := range map[string]string{"given-up": "cancel", "cut-off": "terminate"} {
		c.start(id, `{"approval":"finish",`+countInput+`}`)
		c.until(id, in(run.WaitingForApproval))
		c.run("workflow", command, "--workflow-id", id)
	}
	c.findsSoon(`AgentFactoryOutcome="cancelled" AND ExecutionStatus="Canceled"`, "given-up")
	c.findsSoon(`ExecutionStatus="Terminated"`, "cut-off")
	res, err := s.records.Result(t.Context(), "given-up", s.runID("given-up"))
	require.NoError(t, err, "a cancelled run leaves its result.json")
	require.Equal(t, run.Cancelled, res.Outcome)
}
