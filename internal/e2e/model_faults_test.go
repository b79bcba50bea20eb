package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"agentfactory/activities"
	"agentfactory/internal/llm"
	"agentfactory/internal/llm/scripted"
	"agentfactory/internal/run"
	"agentfactory/workflows"
)

// fault is something that goes wrong with a model, and how the run ends.
type fault struct {
	turns    string // of the conversation that is chosen by the fault's name in the task
	requests int    // that the model's server sees
	fails    string // error type of the failed run; "": it completes
	says     string // part of the failure's message
	told     string // part of what the model is told of it in turn 2
}

// done is the reply that ends a run.
const done = `{calls: [{name: finish, arguments: {answer: done}}]}`

// passing is a fault that is met once before the reply.
func passing(fault string) string {
	return strings.TrimSuffix(done, "}") + ", fault: " + fault + "}"
}

// lasting is a fault that is met however often the model is asked.
func lasting(fault string) string {
	return `{text: never, fault: {times: -1, ` + strings.TrimPrefix(fault, "{") + `}`
}

// event is a piece of a stream with calls as the server writes them.
func event(calls string) string {
	return `data: {"choices":[{"delta":{"tool_calls":[` + calls + `]},"finish_reason":"tool_calls"}]}` + `\n\n`
}

var faults = map[string]fault{
	"a wrong key":                {turns: lasting(`{status: 401}`), requests: 1, fails: activities.ModelAuth, says: "check OPENAI_API_KEY"},
	"no permission":              {turns: lasting(`{status: 403}`), requests: 1, fails: activities.ModelAuth, says: "may use this model"},
	"no credit":                  {turns: lasting(`{status: 429, code: insufficient_quota}`), requests: 1, fails: activities.ModelAuth, says: "out of credit"},
	"an unknown model":           {turns: lasting(`{status: 404}`), requests: 1, fails: activities.ModelRefusedCall, says: "check the model's name"},
	"a parameter it rejects":     {turns: lasting(`{status: 400, code: invalid_value}`), requests: 1, fails: activities.ModelRefusedCall, says: "HTTP 400"},
	"a task beyond its window":   {turns: lasting(`{status: 400, code: context_length_exceeded}`), requests: 1, fails: activities.ModelContext, says: "larger context window"},
	"a refusal":                  {turns: `{refusal: "I can not help with that."}`, requests: 1, fails: workflows.ModelRefused, says: "I can not help with that."},
	"nothing but talk":           {turns: `{text: Let me think., repeat: 3}`, requests: 3, fails: workflows.ModelIdle, says: "Let me think."},
	"too many requests":          {turns: passing(`{status: 429, retry_after: 2s}`), requests: 2},
	"an internal error":          {turns: passing(`{status: 500}`), requests: 2},
	"overload":                   {turns: passing(`{status: 529}`), requests: 2},
	"maintenance":                {turns: passing(`{status: 503}`), requests: 2},
	"a proxy's error page":       {turns: passing(`{status: 502, body: "<html><h1>Bad Gateway</h1></html>"}`), requests: 2},
	"a proxy's login page":       {turns: passing(`{body: "<!DOCTYPE html><title>Log in</title>"}`), requests: 2},
	"a reply that breaks off":    {turns: passing(`{cut_after_chunks: 2}`), requests: 2},
	"an error inside the reply":  {turns: passing(`{cut_after_chunks: 2, status: 529}`), requests: 2},
	"a reply that is no JSON":    {turns: passing(`{body: "data: {oops\n\n"}`), requests: 2},
	"three faults in a row":      {turns: passing(`[{status: 429, retry_after: 1s}, {status: 500}, {cut_after_chunks: 1}]`), requests: 4},
	"an empty reply":             {turns: `{text: ""}, ` + done, requests: 2, told: "only tool calls do something"},
	"a reply that is cut":        {turns: `{text: I will now wri, finish_reason: length}, ` + done, requests: 2, told: "cut off at the output limit"},
	"a call that is cut":         {turns: `{calls: [{name: run_subagent, arguments: '{"filename": "a.py", "que'}], finish_reason: length}, ` + done, requests: 2, told: "they end too early"},
	"arguments that are no JSON": {turns: `{calls: [{name: run_subagent, arguments: '{filename: a.py}'}]}, ` + done, requests: 2, told: "not valid JSON"},
	"arguments of other types":   {turns: `{calls: [{name: list_saved_subagents, arguments: {query: [1], limit: many}}]}, ` + done, requests: 2, told: "do not fit its schema"},
	"an unknown tool":            {turns: `{calls: [{name: run_subagnt, arguments: {}}]}, ` + done, requests: 2, told: "did you mean run_subagent?"},
	"a tool with no name":        {turns: `{text: x, fault: {body: "` + quoted(event(`{"index":0,"id":"a","function":{"name":"","arguments":"{}"}}`)) + `"}}, ` + done, requests: 2, told: `there is no tool`},
	"30 calls at once":           {turns: `{calls: [` + calls(30, "") + `]}, ` + done, requests: 2, told: "one turn may have 16 calls"},
	"200 calls at once":          {turns: `{calls: [` + calls(200, "") + `]}, ` + done, requests: 2, told: "one turn may have 16 calls"},
	"calls that share an ID":     {turns: `{calls: [` + calls(3, "same") + `]}, ` + done, requests: 2, told: "no saved skill found"},
	"calls without an ID": {turns: `{text: x, fault: {body: "` + quoted(event(`{"index":0,"function":{"name":"list_saved_subagents","arguments":"{}"}},{"index":1,"function":{"name":"list_saved_subagents","arguments":"{}"}}`)) + `"}}, ` + done,
		requests: 2, told: "no saved skill found"},
	"calls with an ID of 100 KB": {turns: `{calls: [` + calls(16, strings.Repeat("signature/", 10_000)+"%d") + `]}, ` + done, requests: 2, told: "no saved skill found"},
	"a tool's name of 1 MB":      {turns: `{calls: [{name: ` + strings.Repeat("name", 1<<18) + `}], usage: {input: 10, output: 10}}, ` + done, requests: 2, told: "there is no tool"},
	"arguments of 2 MB":          {turns: `{calls: [{name: create_subagent, arguments: {skill_name: big, code: "` + strings.Repeat("x = 1;", 2_000_000/6) + `"}}], usage: {input: 10, output: 10}}, ` + done, requests: 2, told: "at most 1048576 are taken"},
	"arguments of 10 MB":         {turns: `{calls: [{name: create_subagent, arguments: {skill_name: big, code: "` + strings.Repeat("x = 1;", 10<<20/6) + `"}}], usage: {input: 10, output: 10}}, ` + done, requests: 2, told: "they end too early"},
	"an answer of 1 MB":          {turns: `{calls: [{name: finish, arguments: {answer: "` + strings.Repeat("words ", 1<<20/6) + `"}}], usage: {input: 10, output: 10}}, ` + done, requests: 2, told: "at most 131072 are taken"},
	"a query of 1 MB":            {turns: `{calls: [{name: create_subagent, arguments: {skill_name: big, code: "x = 1", query: "` + strings.Repeat("words ", 1<<20/6) + `"}}], usage: {input: 10, output: 10}}, ` + done, requests: 2, told: "at most 65536 are taken"},
	"a text of 10 MB":            {turns: `{text: "` + strings.Repeat("words ", 10<<20/6) + `", usage: {input: 10, output: 10}}, ` + done, requests: 2, told: "cut off at the output limit"},
	"an error message of 500 KB": {turns: lasting(`{status: 400, body: '{"error":{"message":"` + strings.Repeat("no way ", 70_000) + `"}}'}`), requests: 1, fails: activities.ModelRefusedCall, says: "no way"},
}

// calls writes n calls of a tool that changes nothing; id may hold a %d.
func calls(n int, id string) string {
	all := make([]string, n)
	for i := range all {
		own := id
		if strings.Contains(id, "%d") {
			own = fmt.Sprintf(id, i)
		}
		all[i] = fmt.Sprintf("{name: list_saved_subagents, id: %q}", own)
	}
	return strings.Join(all, ", ")
}

// quoted escapes what stands between double quotes in YAML; \n stays an escape.
func quoted(s string) string { return strings.ReplaceAll(s, `"`, `\"`) }

func TestEveryFaultOfTheModelHasItsEnding(t *testing.T) {
	t.Parallel()
	s := newStack(t, conversations(faults))
	s.worker()
	runs := s.meetAll(faults)
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			res, err := s.result(runs[name])
			requests := s.requests(name)
			lost := s.lostAttempts(runs[name].GetID(), runs[name].GetRunID())
			if lost == 0 {
				requireNothingPaidTwice(t, requests)
			}
			require.GreaterOrEqual(t, len(requests), f.requests)
			require.LessOrEqual(t, len(requests), f.requests+lost, "requests beyond those of attempts whose worker was taken for dead")
			s.requireSmallEvents(t, runs[name].GetID(), runs[name].GetRunID())
			if f.fails != "" {
				s.requireFailure(t, runs[name], err, f)
				return
			}
			require.NoError(t, err)
			require.Equal(t, run.Completed, res.Outcome)
			s.requireTold(t, res, f.told)
		})
	}
	requests := s.requests("too many requests")
	require.GreaterOrEqual(t, requests[1].Time.Sub(requests[0].Time), 2*time.Second, "Retry-After is kept")
}

// The time-outs are short enough to be waited for here, so these runs are alone: a reply
// that is only late, because the machine is busy, would be asked for again as well.
func TestASilentModelIsAskedAgain(t *testing.T) {
	t.Parallel()
	silences := map[string]fault{
		"silence before the reply": {turns: passing(`{stall: 1h}`)}, // longer than anybody here waits
		"silence in the reply":     {turns: passing(`{stall: 1h, cut_after_chunks: 2}`)},
	}
	s := newStack(t, conversations(silences))
	s.configuration = "limits: {model: {first_token: 10s, stall: 5s}}"
	s.worker()
	for name, r := range s.meetAll(silences) {
		res, err := s.result(r)
		require.NoError(t, err)
		require.Equal(t, run.Completed, res.Outcome)
		requests := s.requests(name)
		require.GreaterOrEqual(t, len(requests), 2)
		require.NotEmpty(t, requests[0].Fault)
	}
}

// conversations is a script in which each fault has its own, chosen by its name in the task.
func conversations(faults map[string]fault) string {
	var script strings.Builder
	script.WriteString("conversations:\n")
	for name, f := range faults {
		fmt.Fprintf(&script, "  - name: %[1]q\n    when: {user: \"meet %[1]s.\"}\n    turns: [%[2]s]\n", name, f.turns)
	}
	return script.String()
}

// meetAll starts a run for each fault; they go on side by side.
func (s *stack) meetAll(faults map[string]fault) map[string]client.WorkflowRun {
	runs := map[string]client.WorkflowRun{}
	for name := range faults {
		runs[name] = s.start(workflows.InstallInput{Task: "meet " + name + "."})
	}
	return runs
}

// requests are those of one conversation, in the order in which they were answered.
func (s *stack) requests(conversation string) (found []scripted.Entry) {
	for _, e := range s.model.Log() {
		if e.Conversation == conversation {
			found = append(found, e)
		}
	}
	return found
}

// requireNothingPaidTwice checks that no request which got its reply was made again.
func requireNothingPaidTwice(t *testing.T, requests []scripted.Entry) {
	paid := map[string]int{}
	for _, e := range requests {
		if e.Fault == "" {
			paid[e.Digest]++
			require.Equal(t, 1, paid[e.Digest], "%s, turn %d", e.Conversation, e.Turn)
		}
	}
}

// requireFailure checks that a failed run says why in one line, and left its result.
func (s *stack) requireFailure(t *testing.T, r client.WorkflowRun, err error, f fault) {
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, f.fails, app.Type())
	require.Contains(t, app.Message(), f.says)
	require.NotContains(t, app.Message(), "\n")
	require.Less(t, len(app.Message()), 1200)
	left, err := s.records.Result(t.Context(), r.GetID(), r.GetRunID())
	require.NoError(t, err)
	require.Equal(t, run.Failed, left.Outcome)
	require.Equal(t, app.Message(), left.Reason)
}

// requireTold checks what the model was told in its second turn, and that each of its
// calls was answered once under its own ID.
func (s *stack) requireTold(t *testing.T, res run.Result, part string) {
	chain, err := s.records.Chain(t.Context(), res.Transcript)
	require.NoError(t, err)
	if part == "" {
		require.Len(t, chain, 2, "the opening and the one turn")
		return
	}
	require.Len(t, chain, 3)
	asked, said := chain[1].Reply.ToolCalls, ""
	ids := map[string]bool{}
	for i, m := range chain[2].Added {
		said += m.Content + "\n"
		if m.Role == llm.RoleTool {
			require.Equal(t, asked[i].ID, m.ToolCallID)
			require.False(t, ids[m.ToolCallID])
			ids[m.ToolCallID] = true
		}
	}
	require.Contains(t, said, part)
	require.Len(t, ids, len(asked))
}

// A conversation that grows beyond the window, which nobody knew to be so small, is sent
// again with its old observations shortened; one that is too long at once is not.
func TestAConversationThatOutgrowsTheWindowIsShortened(t *testing.T) {
	t.Parallel()
	s := newStack(t, `
context_window: 8000
conversations:
  - turns:
      - calls: [{name: create_subagent, arguments: {skill_name: talker, code: "def main(query): return {'answer': 'word ' * 600, 'summary': 'words'}"}}]
      - calls: [{name: run_subagent, arguments: {filename: subagent.py, query: ""}}]
        repeat: 13
      - calls: [{name: finish, arguments: {answer: done}}]
`)
	s.worker()
	res := s.install(workflows.InstallInput{Task: "read a lot", Save: new(bool)})
	require.Equal(t, run.Completed, res.Outcome)
	require.Equal(t, 15, res.Turns)
	refused := 0
	for _, e := range s.model.Log() {
		if e.Status == 400 {
			refused++
		}
	}
	require.NotZero(t, refused, "the conversation outgrew the window")
	chain, err := s.records.Chain(t.Context(), res.Transcript)
	require.NoError(t, err)
	require.NotZero(t, chain[15].ShortenBefore)

	_, err = s.result(s.start(workflows.InstallInput{Task: strings.Repeat("long ", 10_000)}))
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, activities.ModelContext, app.Type())
	require.Contains(t, app.Message(), "maximum context length is 8000 tokens")
}
