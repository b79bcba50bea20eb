package e2e

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/workflows"
)

// repairing is a model that teaches the counter lines: its first candidate forgets the words and is rejected, the second
// does both.
const repairing = `
conversations:
  - name: tester
    when: {system: /^You write checks for/}
    turns:
      - text: |
          ` + "```python" + `
          def check(query, answer):
              assert answer == str(len(open(query.split()[-1]).readlines())), "it has other lines"
          ` + "```" + `
  - name: repair
    when: {user: '/count the lines with ([a-z-]+)/'}
    turns:
      - calls: [{name: run_subagent, arguments: {skill_name: '{{.Match 1}}', query: lines of b.txt}}]
      - calls:
          - {name: modify_subagent, arguments: {skill_name: '{{.Match 1}}', old_content: text.split(), new_content: text.splitlines()}}
          - {name: run_subagent, arguments: {skill_name: '{{.Match 1}}', query: lines of b.txt}}
      - calls: [&finish {name: finish, arguments: {answer: 2 lines, subagents: [{entry_file: 'skills/{{.Match 1}}/subagent.py', description: Counts the words or the lines of a text file.}]}}]
      - when: breaks 1 of 1 past cases
        calls:
          - {name: modify_subagent, arguments: {skill_name: '{{.Match 1}}', old_content: text.splitlines(), new_content: 'text.splitlines() if "lines" in query else text.split()'}}
          - {name: run_subagent, arguments: {skill_name: '{{.Match 1}}', query: lines of b.txt}}
      - calls: [*finish]
      - calls: [*finish]
`

// repairCalls is how many model calls the repair takes: the turns, and one question to the tester, whose answer serves the
// second candidate as well. The first call of SelfEvolve is made for the model.
var repairCalls = map[string]int{workflows.SolveType: 6, workflows.EvolveType: 5}

// deaths are the places in a repair at which a worker dies. NAME is of the skill and of the run.
var deaths = map[string]struct {
	activity string
	comes    string // request that is waited for first, where the record alone does not tell the place
	record   string
	repeated int // model calls of a run that may be made a second time: the one in flight
}{
	"Begin":                 {"Begin", "", `PUT .*NAME/.*/turns/000000\.json`, 0},
	"Think":                 {"Think", "", `PUT .*NAME/.*/turns/000002\.json`, 1},
	"RunSubagent":           {"RunSubagent", "", `PUT .*NAME/.*/workspace/000001\.json`, 0},
	"EditWorkspace":         {"EditWorkspace", "", `PUT .*NAME/.*/workspace/000002\.json`, 0},
	"ReviewFinish":          {"ReviewFinish", "", `PUT .*NAME/.*/workspace/000004\.json`, 0},
	"MakeCheck: its answer": {"MakeCheck", "", `PUT .*NAME/.*/asked/`, 1},
	"MakeCheck":             {"MakeCheck", "", `PUT .*NAME/.*/checks/`, 0},
	"AddCandidate":          {"AddCandidate", "", `PUT .*NAME/versions/0002/manifest\.json`, 0},
	"OpenGate":              {"OpenGate", `PUT .*NAME/versions/0002/manifest\.json`, `GET .*prefix=skills%2FNAME%2Fcases`, 0},
	"TryCase":               {"TryCase", "", `PUT .*NAME-gate-.*/trials/new\.json`, 0},
	"CloseGate":             {"CloseGate", "", `PUT .*NAME/versions/0002/gate/`, 0},
	"SaveSkill: the head":   {"SaveSkill", "", `PUT .*NAME/head\.json`, 0},
	"SaveSkill: the case":   {"SaveSkill", "", `PUT .*NAME/.*/case\.json`, 0},
	"Close: the use":        {"Close", "", `PUT .*uses/NAME/records/`, 0},
	"Close":                 {"Close", "", `PUT .*NAME/.*/result\.json`, 0},
}

// The worker of a Solve and of a SelfEvolve dies when both have come to the same step, for each step of a repair, its gates
// and its promotion: before the step's record is written, and again, with the worker that took over, after it was
// acknowledged and before the activity returned. Everything ends as if nothing had happened.
func TestAWorkerKilledInAnyStepOfARepairChangesNothing(t *testing.T) {
	t.Parallel()
	for name, d := range deaths {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, repairing)
			s.checks = true
			working, died := make(chan *workerProcess, 1), make(chan struct{})
			die := func() {
				select {
				case worker := <-working: // not before it is known: it may take work up before it says that it is ready
					worker.kill()
					died <- struct{}{}
				case <-t.Context().Done():
				}
			}
			first, second := sync.OnceFunc(die), sync.OnceFunc(die)
			all, allAgain := s.together(len(openings)), s.together(len(openings))
			fields := map[string]*minefield{}
			for workflow := range openings {
				id := counterOf(workflow)
				s.keep(id, counter, wordsOf)
				mines := []mine{{request: d.record, when: before, wait: all, strike: first}, {request: d.record, when: after, wait: allAgain, strike: second}}
				if d.comes != "" {
					mines = append([]mine{{request: d.comes}}, mines...)
				}
				fields[workflow] = s.mineS3(about(id, mines)...)
			}
			working <- s.worker()
			runs := map[string]client.WorkflowRun{}
			for workflow, input := range openings {
				runs[workflow] = s.startAs(workflow, counterOf(workflow), input(counterOf(workflow)))
			}
			for range 2 {
				select {
				case <-died:
					working <- s.worker()
				case <-time.After(testPatience):
					t.Fatalf("the runs did not come to %s within %s", d.record, testPatience)
				}
			}
			calls := 0
			for workflow, r := range runs {
				s.requireRepaired(counterOf(workflow), s.ended(r))
				fields[workflow].requireAllWentOff(t)
				require.GreaterOrEqual(t, s.attempts(r.GetID())[d.activity], int32(3), "its worker died twice in %s; a third attempt may have been dealt to a dead poller", d.activity)
				calls += repairCalls[workflow]
			}
			repeated := s.repeatedModelCalls()
			require.Equal(t, calls, s.modelCalls()-repeated)
			require.LessOrEqual(t, repeated, len(openings)*d.repeated)
		})
	}
}

// counterOf is the name of the skill that a workflow repairs, and of its run.
func counterOf(workflow string) string { return "counter-" + strings.ToLower(workflow) }

// about sets the name of a skill into mines.
func about(name string, mines []mine) []mine {
	for i := range mines {
		mines[i].request = strings.ReplaceAll(mines[i].request, "NAME", name)
	}
	return mines
}

// The writes that make a candidate current, its reports and its case take place, and their replies are lost.
func TestLostRepliesOfGateAndPromotionChangeNothing(t *testing.T) {
	t.Parallel()
	for workflow, input := range openings {
		t.Run(workflow, func(t *testing.T) {
			t.Parallel()
			s := newStack(t, repairing)
			s.checks = true
			s.keep("word-count", counter, wordsOf)
			field := s.mineS3(
				mine{request: `PUT .*/versions/0002/manifest\.json`, when: after, strike: cut},
				mine{request: `PUT .*/trials/`, when: after, strike: cut},
				mine{request: `PUT .*/versions/0002/gate/`, when: after, strike: cut},
				mine{request: `PUT .*/versions/0003/gate/`, when: after, strike: cut},
				mine{request: `PUT .*/head\.json`, when: after, strike: cut},
				mine{request: `PUT .*/case\.json`, when: after, strike: cut},
				mine{request: `PUT .*/uses/word-count/records/`, when: after, strike: cut},
			)
			s.worker()
			s.requireRepaired("word-count", s.ended(s.startAs(workflow, "", input("word-count"))))
			field.requireAllWentOff(t)
			require.Equal(t, repairCalls[workflow], s.modelCalls())
		})
	}
}

// requireRepaired demands the one end that the repair of a counter may have.
func (s *stack) requireRepaired(name string, res run.Result) {
	s.t.Helper()
	require.Equal(s.t, run.Completed, res.Outcome, res.Reason)
	require.Equal(s.t, "2 lines", res.Answer)
	require.Equal(s.t, 2, res.Usage.Rounds)
	require.Len(s.t, res.Skills, 1, s.dump(res.Transcript))
	saved := res.Skills[0]
	require.Equal(s.t, run.SavedSkill{Name: name, Version: 3, Parent: 1, Promoted: true, Gate: saved.Gate, Note: "breaks none of 1 past cases, of which 1 could be told"}, saved)

	head := s.head(name)
	require.Equal(s.t, 3, head.Version)
	require.Equal(s.t, int64(2), head.Generation, "nothing was promoted twice")
	require.Len(s.t, head.Moves, 2)
	require.Len(s.t, s.versions(name), 3)
	cases := s.cases(name)
	require.Len(s.t, cases, 2, "the past case and the one of this task")
	for _, c := range cases {
		require.Equal(s.t, c.Query == "lines of b.txt", c.Check != nil, "the new case has a check")
	}
	reports := s.reports(name)
	require.Len(s.t, reports, 2, "each candidate was gated once")
	require.Equal(s.t, []skill.Verdict{skill.GateFailed, skill.GatePassed}, []skill.Verdict{reports[0].Verdict, reports[1].Verdict})
	require.Equal(s.t, saved.Gate, reports[1].ID)
	p, err := s.skills.Performance(s.t.Context(), name)
	require.NoError(s.t, err)
	require.Equal(s.t, []int{1, 1}, []int{p.Uses(), p.Of(1).Failures}, "version 1 had to be repaired")
	written, err := s.records.Result(s.t.Context(), res.WorkflowID, res.RunID)
	require.NoError(s.t, err)
	require.Equal(s.t, res, written)
}

// repeatedModelCalls counts the requests that the model was sent once more.
func (s *stack) repeatedModelCalls() (n int) {
	seen := map[string]bool{}
	for _, e := range s.model.Log() {
		if e.Method == "POST" && seen[e.Digest] {
			n++
		}
		seen[e.Digest] = true
	}
	return n
}

// attempts is how often the activities of a run and its gates were tried, by their type the most.
func (s *stack) attempts(workflowID string) map[string]int32 {
	s.t.Helper()
	most, types := map[string]int32{}, map[int64]string{}
	events := s.temporal.GetWorkflowHistory(s.t.Context(), workflowID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(s.t, err)
		if a := e.GetActivityTaskScheduledEventAttributes(); a != nil {
			types[e.GetEventId()] = a.GetActivityType().GetName()
		}
		if a := e.GetActivityTaskStartedEventAttributes(); a != nil {
			name := types[a.GetScheduledEventId()]
			most[name] = max(most[name], a.GetAttempt())
		}
		if c := e.GetChildWorkflowExecutionStartedEventAttributes(); c != nil {
			for name, n := range s.attempts(c.GetWorkflowExecution().GetWorkflowId()) {
				most[name] = max(most[name], n)
			}
		}
	}
	return most
}
