package browser

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/gateway"
)

func withModel(m *scripted) func(*Run) { return func(r *Run) { r.LLM = m.answer } }

func TestAGoalIsPursuedByAModelUntilItHasTheAnswer(t *testing.T) {
	at := site(t)
	m := &scripted{texts: []string{
		"I open the form first.\n```json\n{\"action\": \"click\", \"role\": \"link\", \"name\": \"Order\"}\n```",
		`click the button`,
		`{"action":"clikc","ref":"e1"}`,
		`{"action":"eval","script":"1"}`,
		`{"action":"click","css":"#no","timeout_ms":300}`,
		`{"action":"fill","label":"Name","value":"Ada"}`,
		`{"action":"click","role":"button","name":"Send"}`,
		`{"action":"screenshot","path":"thanks.png"}`,
		`{"done":"the order of Ada was taken"}`,
	}}
	s := newSubagent(t, shared, withModel(m))
	body := []byte(`{"goal":"order roses","url":"` + at.URL + `"}`)
	got, err := s.tool.Call(t.Context(), gateway.ToolRequest{Body: body})
	require.NoError(t, err)
	require.Equal(t, gateway.Usage{InputTokens: 900, OutputTokens: 90}, got.Usage)
	require.Contains(t, string(got.Body), `"answer":"the order of Ada was taken"`)
	require.Contains(t, string(got.Body), `"steps":9`)
	require.NotContains(t, string(got.Body), `"error"`)
	require.FileExists(t, s.dir+"/thanks.png")

	require.Contains(t, m.prompts[0], "Goal: order roses")
	require.Contains(t, m.prompts[0], `link "Order"`)
	require.Contains(t, m.prompts[2], "not one JSON object")
	require.Contains(t, m.prompts[3], `did you mean "click"?`)
	require.Contains(t, m.prompts[4], "eval is not allowed")
	require.Contains(t, m.prompts[5], "error not_found")
	require.Contains(t, m.prompts[8], "thanks.png")
	require.NotContains(t, m.prompts[8], `link "Order"`, "earlier pages are not repeated")
}

func TestAGoalEndsAfterItsSteps(t *testing.T) {
	at := site(t)
	m := &scripted{texts: []string{`{"action":"text"}`, `{"action":"find","query":"x"}`, `{"done":"late"}`}}
	reply, err := newSubagent(t, shared, withModel(m)).call(fields{"goal": "x", "url": at.URL, "max_steps": 2})
	require.NoError(t, err)
	require.Equal(t, "max_steps", reply.Error.Code)
	require.Nil(t, reply.Answer)
	require.Len(t, m.prompts, 2)
	require.Contains(t, m.prompts[1], "Everything for the garden")
}

func TestAGoalThatCannotBeReachedIsAFailure(t *testing.T) {
	m := &scripted{texts: []string{`{"failed":"there is no shop"}`}}
	reply, err := newSubagent(t, shared, withModel(m)).call(fields{"goal": "x"})
	require.NoError(t, err)
	require.Equal(t, "failed", reply.Error.Code)
	require.Contains(t, reply.Error.Message, "there is no shop")
	require.Contains(t, m.prompts[0], "no page is open")
}

type outage struct{ error }

func (outage) Retryable() bool { return true }

func TestTheModelsErrorsPassWithWhatWasSpent(t *testing.T) {
	exhausted := gateway.Errorf(gateway.BudgetExhausted, "the budget is spent")
	for name, failure := range map[string]error{"budget": exhausted, "outage": outage{errors.New("502")}} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			s := newSubagent(t, shared, func(r *Run) {
				r.LLM = func(context.Context, gateway.LLMRequest) (gateway.LLMReply, error) {
					if calls++; calls > 1 {
						return gateway.LLMReply{}, failure
					}
					return gateway.LLMReply{Text: `{"action":"navigate","url":"about:blank"}`, Usage: gateway.Usage{OutputTokens: 7}}, nil
				}
			})
			got, err := s.tool.Call(t.Context(), gateway.ToolRequest{Body: []byte(`{"goal":"x"}`)})
			require.ErrorIs(t, err, failure)
			require.EqualValues(t, 7, got.Usage.OutputTokens)
		})
	}
}

func TestAGoalNeedsAModel(t *testing.T) {
	_, err := newSubagent(t, shared).call(fields{"goal": "x"})
	refusedAs(t, err, gateway.Unavailable, "needs a model")
}
