package transcript

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/llm"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
)

func TestMain(m *testing.M) {
	s3server.MaybeRun()
	m.Run()
}

// recorded is a run of two turns on S3: its second turn was taken by another execution, as
// after a reset, and the call of its first was carried out in both.
func recorded(t *testing.T) (Source, string, run.Result) {
	t.Helper()
	ctx, store := t.Context(), s3test.Bucket(t)
	blobs, err := objectstore.NewBlobs(store, t.TempDir(), 1<<20)
	require.NoError(t, err)
	s := Source{Records: run.NewRecords(store), Objects: store, Blobs: blobs}
	opening, first, second := run.TurnKey("w", "old", 0), run.TurnKey("w", "old", 1), run.TurnKey("w", "new", 2)
	long := strings.Repeat("a long observation\n", 2000)
	digest, err := blobs.Put(ctx, []byte(long))
	require.NoError(t, err)
	for key, turn := range map[string]*run.Turn{
		opening: {Opening: &run.Opening{Model: "m", SubagentModel: "s"}, Added: []llm.Message{{Role: llm.RoleSystem, Content: "be good"}, {Role: llm.RoleUser, Content: "Task:\ngreet <b>"}}},
		first: {Number: 1, Parent: opening, At: time.Unix(1, 0).UTC(), Reply: llm.Message{Role: llm.RoleAssistant, Content: "I will.", ToolCalls: []llm.ToolCall{
			{ID: "a", Name: "create_subagent", Arguments: `{"skill_name":"x","code":"print('<script>alert(1)</script>')\n"}`},
			{ID: "b", Name: "modify_subagent", Arguments: `{"filename":"a.py","old_content":"one","new_content":"two"}`},
			{ID: "c", Name: "run_subagent", Arguments: `{"cut`},
		}}},
		second: {Number: 2, Parent: first, Added: []llm.Message{
			{Role: llm.RoleTool, ToolCallID: "a", Content: "the one that was read"}, {Role: llm.RoleTool, ToolCallID: "b", Content: "Changed a.py"},
			{Role: llm.RoleTool, ToolCallID: "c", Content: "cut"}, {Role: llm.RoleUser, Content: "The user says: hurry"},
		}, Reply: llm.Message{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{{ID: "d", Name: "finish", Arguments: `{"answer":"done"}`}}}},
	} {
		_, err := s.Records.CreateTurn(ctx, key, turn)
		require.NoError(t, err)
	}
	for key, step := range map[string]*run.Step{
		run.StepKey("w", "old", 1): {Turn: first, CallID: "a", Observation: "the one of before the reset"},
		run.StepKey("w", "new", 1): {Turn: first, CallID: "a", OK: true, Observation: "the one that was read"},
		run.StepKey("w", "old", 2): {Turn: first, CallID: "b", OK: true, Observation: "Changed a.py", Amended: `{"filename":"b.py"}`},
		run.StepKey("w", "old", 3): {Turn: first, CallID: "c", Observation: "cut", Full: objectstore.BlobKey(digest)},
	} {
		_, err := s.Records.CreateStep(ctx, key, step)
		require.NoError(t, err)
	}
	return s, second, run.Result{WorkflowID: "w", RunID: "new", Outcome: run.Completed, Answer: "```\ndone\n```", Model: "m"}
}

func TestADocumentHoldsWhatWasSaidAndDone(t *testing.T) {
	s, last, result := recorded(t)
	d, err := s.Read(t.Context(), last, result)
	require.NoError(t, err)
	require.Equal(t, Format, d.Format)
	require.Len(t, d.Turns, 2)
	calls := d.Turns[0].Calls
	require.True(t, calls[0].OK, "of two executions the one that the model has read of counts")
	require.Equal(t, run.StepKey("w", "new", 1), calls[0].Step)
	require.JSONEq(t, `{"filename":"b.py"}`, string(calls[1].Amended))
	require.Equal(t, "cut", calls[2].Read)
	require.Len(t, calls[2].Observation, len("a long observation\n")*2000, "the whole observation")
	require.JSONEq(t, `"{\"cut"`, string(calls[2].Arguments), "what is no JSON is kept as a string")
	require.Equal(t, []string{"The user says: hurry"}, d.Turns[1].Notes)
	require.False(t, d.Turns[1].Calls[0].Done, "nobody has carried it out")
	text, err := json.Marshal(d)
	require.NoError(t, err)
	var again Document
	require.NoError(t, json.Unmarshal(text, &again))
	require.True(t, len(again.Turns) == 2 && again.Turns[0].Calls[2].Observation == calls[2].Observation, "the JSON form holds all of it")
}

func TestARunWithoutRecordsIsNotFound(t *testing.T) {
	s, _, result := recorded(t)
	_, err := s.Read(t.Context(), run.TurnKey("w", "none", 3), result)
	require.ErrorIs(t, err, objectstore.ErrNotFound)
}

func TestThePageShowsCodeAsTextAndNeedsNothingElse(t *testing.T) {
	s, last, result := recorded(t)
	d, err := s.Read(t.Context(), last, result)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, HTML(&out, d))
	page := out.String()
	require.NotContains(t, page, "<script>")
	require.Contains(t, page, "alert(1)")
	require.Contains(t, page, "-one\n&#43;two", "a change is shown as a diff")
	require.Contains(t, page, "<details><summary>result</summary>", "long observations are folded")
	for _, external := range []string{"src=", "href=", "@import", "url("} {
		require.NotContains(t, page, external)
	}
}

func TestMarkdownKeepsItsFencesApart(t *testing.T) {
	s, last, result := recorded(t)
	d, err := s.Read(t.Context(), last, result)
	require.NoError(t, err)
	d.Turns[0].Calls[0].Observation = "before\n````\ninside\n````\nafter\x1b[31m\xff"
	var out bytes.Buffer
	require.NoError(t, Markdown(&out, d))
	require.Contains(t, out.String(), "`````\nbefore\n````\ninside")
	require.Contains(t, out.String(), "```diff\n")
	require.NotContains(t, out.String(), "\x1b")
	require.NotContains(t, out.String(), "\n# be good", "the system prompt is left to the other forms")
}

// Whatever a program prints, it stays text.
func FuzzRender(f *testing.F) {
	f.Add("```\n# heading\n<img src=x onerror=alert(1)>\x00\x1b[2J", `{"code":"~~~"}`)
	f.Add("\u2028</pre></body>", `not json`)
	f.Fuzz(func(t *testing.T, observation, arguments string) {
		d := Document{Turns: []Turn{{Number: 1, Calls: []Call{{Tool: "run_subagent", Arguments: rawOrString(arguments), Observation: observation, Done: true}}}}}
		var page, md bytes.Buffer
		require.NoError(t, HTML(&page, d))
		require.NoError(t, Markdown(&md, d))
		root, err := html.Parse(&page)
		require.NoError(t, err)
		requireNoElement(t, root, "script", "img", "iframe", "a", "form")
		closed := fence(newBlock("", "", observation))
		mark := closed[:strings.Index(closed, "\n")]
		require.Equal(t, 2, strings.Count("\n"+closed+"\n", "\n"+mark+"\n"), "the fence occurs only at both ends")
	})
}

func requireNoElement(t *testing.T, n *html.Node, names ...string) {
	if n.Type == html.ElementNode {
		require.NotContains(t, names, n.Data)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		requireNoElement(t, c, names...)
	}
}

func FuzzArguments(f *testing.F) {
	f.Add(`{"a":1,"b":{"c":2}}`)
	f.Add(`{"a":`)
	f.Add(`[1]`)
	f.Fuzz(func(t *testing.T, raw string) {
		list, ok := Arguments(raw)
		if !ok && list != nil {
			t.Fatal("arguments of what is no object")
		}
	})
}
