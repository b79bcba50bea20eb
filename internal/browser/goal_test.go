package browser

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/browser/browsertest"
	"agentfactory/internal/gateway"
)

func TestAGoalIsPursuedByAModelUntilItHasTheAnswer(t *testing.T) {
	at := browsertest.Site(t)
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
	s := newSubagent(t, shared).with(m.answer)
	body := []byte(`{"goal":"order roses","url":"` + at.URL + `"}`)
	got, err := s.tool.Call(t.Context(), gateway.ToolRequest{Body: body, LLM: m.answer})
	require.NoError(t, err)
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

func TestAnActionThatAGoalMayNotTakeIsToldToTheModel(t *testing.T) {
	at := browsertest.Site(t)
	m := &scripted{texts: []string{`{"action":"upload","label":"File","paths":["secret.txt"]}`, `{"done":"not allowed"}`}}
	s := newSubagent(t, shared, func(r *Run) {
		r.Permit = func(action json.RawMessage) error {
			require.JSONEq(t, `{"action":"upload","label":"File","paths":["secret.txt"]}`, string(action))
			return errors.New("rule no-secrets")
		}
	}).with(m.answer)
	s.write("secret.txt", "x")
	reply, err := s.call(fields{"goal": "send the secret", "url": at.URL + "/uploads"})
	require.NoError(t, err)
	require.Equal(t, "not allowed", *reply.Answer)
	require.Len(t, reply.Results, 1, "the page that it began with")
	require.Contains(t, m.prompts[1], "is not possible: rule no-secrets")
}

func TestAGoalEndsAfterItsSteps(t *testing.T) {
	at := browsertest.Site(t)
	m := &scripted{texts: []string{`{"action":"text"}`, `{"action":"find","query":"x"}`, `{"done":"late"}`}}
	reply, err := newSubagent(t, shared).with(m.answer).call(fields{"goal": "x", "url": at.URL, "max_steps": 2})
	require.NoError(t, err)
	require.Equal(t, "max_steps", reply.Error.Code)
	require.Nil(t, reply.Answer)
	require.Len(t, m.prompts, 2)
	require.Contains(t, m.prompts[1], "Everything for the garden")
}

func TestAGoalThatCannotBeReachedIsAFailure(t *testing.T) {
	m := &scripted{texts: []string{`{"failed":"there is no shop"}`}}
	reply, err := newSubagent(t, shared).with(m.answer).call(fields{"goal": "x"})
	require.NoError(t, err)
	require.Equal(t, "failed", reply.Error.Code)
	require.Contains(t, reply.Error.Message, "there is no shop")
	require.Contains(t, m.prompts[0], "no page is open")
}

type outage struct{ error }

func (outage) Retryable() bool { return true }

func TestAnOutageOfTheModelIsAnErrorOfTheCall(t *testing.T) {
	down := outage{errors.New("502")}
	m := &scripted{texts: []string{`{"action":"navigate","url":"about:blank"}`}, then: down}
	_, err := newSubagent(t, shared).with(m.answer).call(fields{"goal": "x"})
	require.ErrorIs(t, err, down)
}

func TestAGoalEndsWithWhatItHasWhenTheBudgetIsSpent(t *testing.T) {
	at := browsertest.Site(t)
	spent := gateway.Errorf(gateway.BudgetExhausted, "the budget is spent")
	m := &scripted{texts: []string{`{"action":"click","role":"link","name":"Order"}`, `{"action":"screenshot","path":"form.png"}`}, then: spent}
	s := newSubagent(t, shared).with(m.answer)
	reply, err := s.call(fields{"goal": "order roses", "url": at.URL})
	require.NoError(t, err)
	require.Equal(t, "budget_exhausted", reply.Error.Code)
	require.Contains(t, reply.Error.Message, "the budget is spent")
	require.Equal(t, at.URL+"/form", reply.URL)
	require.Len(t, reply.Results, 3)
	require.Equal(t, 2, reply.Steps)
	require.FileExists(t, s.dir+"/form.png")

	_, err = newSubagent(t, shared).with((&scripted{then: spent}).answer).call(fields{"goal": "x"})
	require.ErrorIs(t, err, spent, "nothing was done that would have to be told")
}

func TestAGoalNeedsAModel(t *testing.T) {
	_, err := newSubagent(t, shared).call(fields{"goal": "x"})
	refusedAs(t, err, gateway.Unavailable, "needs a model")
}
