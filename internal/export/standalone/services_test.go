package standalone_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFailuresThatPassAreTriedAgain(t *testing.T) {
	t.Parallel()
	found := sends("application/json", `{"searchParameters": {}, "organic": [{"title": "A", "link": "https://example.org"}]}`)
	said := func(w http.ResponseWriter, _ *http.Request) { reply(w, false, `"content": "hello"`) }
	for name, fault := range map[string]http.HandlerFunc{
		"too many requests": status(429, "", "Retry-After", "1"), "out of order": status(500, "oops"), "overloaded": status(503, ""),
		"a lost connection": hangsUp, "an answer that breaks off": breaksOff,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			search, llm := serve(t, inTurn(fault, found)), serve(t, inTurn(fault, fault, said))
			got := try(t, export(t, nil), append(serper(search), model(llm)...), `web_search("x")`, `call_llm("", "x")`)
			require.Empty(t, got[0].Message)
			require.Len(t, got[0].Value, 1)
			require.Equal(t, "hello", got[1].Value)
			require.Len(t, search.asked(), 2)
			require.Len(t, llm.asked(), 3)
		})
	}
}

func TestFailuresOfServicesSayWhatToDo(t *testing.T) {
	t.Parallel()
	echo := `{"message": "Invalid key ` + serperKey + `", "error": {"message": "Invalid key ` + openaiKey + `"}}`
	for name, c := range map[string]struct {
		answer      http.HandlerFunc
		search, llm string
		missing     bool // a key is what is missing
		times       int  // that the search is asked
	}{
		"a wrong key":     {status(401, echo), "Serper refuses the key (401 Unauthorized: Invalid key [secret]): check SERPER_API_KEY", "(auth, HTTP 401): SITE/v1: Invalid key [secret] (check OPENAI_API_KEY, and that the key may use this model)", true, 1},
		"no credit":       {status(402, `{"message": "none"}`), "the account at Serper is out of credit (402 Payment Required: none)", "(quota, HTTP 402): SITE/v1: none (the account is out of credit)", false, 1},
		"nothing there":   {status(404, ""), "Serper is not at SITE (404 Not Found): check SERPER_BASE_URL", "(not_found, HTTP 404): SITE/v1: the server gave no reason (check the model's name and OPENAI_BASE_URL)", false, 1},
		"a redirect":      {status(302, "", "Location", "http://10.0.0.1/"), "Serper is not at SITE (302 Found): check SERPER_BASE_URL", "HTTP 302): SITE/v1: the server gave no reason", false, 1},
		"a long wait":     {status(429, "", "Retry-After", "3600"), "Serper limits the rate (429 Too Many Requests): it takes the next request in 1h0m0s", "(rate_limited, HTTP 429): SITE/v1: the server gave no reason", false, 1},
		"out of order":    {status(500, `{"message": "oops"}`), "Serper answered 500 Internal Server Error: oops", "(server, HTTP 500): SITE/v1: oops", false, 4},
		"no JSON":         {sends("text/html", "<html>"), "Serper's answer cannot be read (Expecting value: line 1 column 1 (char 0)): check SERPER_BASE_URL", "(malformed): SITE/v1: the reply is malformed: Expecting value", false, 1},
		"another API":     {sends("application/json", `[]`), "Serper's answer cannot be read", "(malformed): SITE/v1: the reply is malformed: it is no JSON object", false, 1},
		"wrong shapes":    {sends("application/json", `{"organic": 3, "choices": [3]}`), "Serper's answer cannot be read", "(malformed): SITE/v1: the reply is malformed: it has no message", false, 1},
		"an error in 200": {sends("application/json", `{"error": {"message": "no capacity", "code": 502}}`), "Serper's answer cannot be read", "(server): SITE/v1: no capacity", false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, c.answer)
			got := try(t, export(t, nil), append(serper(s), model(s)...), `web_search("x")`, `call_llm("", "x")`)
			for i, says := range []string{c.search, c.llm} {
				require.Equal(t, []string{"ToolError", "LLMError"}[i], got[i].Error)
				require.Equal(t, "unavailable", got[i].Code)
				require.Contains(t, got[i].Message, strings.ReplaceAll(says, "SITE", s.URL))
				require.Equal(t, c.missing, got[i].Missing != "")
			}
			times := 0
			for _, r := range s.asked() {
				if r.Path == "/search" {
					times++
				}
			}
			require.Equal(t, c.times, times)
		})
	}
}

// impatient makes the time for an answer one second.
const impatient = `
import _reading, _service
_reading.TIME = _service.TIME = 1
`

func TestSilenceEnds(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/drip") {
			for range 100 {
				if _, err := io.WriteString(w, "x"); err != nil || http.NewResponseController(w).Flush() != nil {
					return
				}
				select {
				case <-r.Context().Done():
					return
				default:
				}
			}
		}
		<-r.Context().Done()
	})
	dir := export(t, map[string]string{"sitecustomize.py": loopbackAlone + impatient})
	got := try(t, dir, append(serper(s), "PYTHONPATH="+dir), `web_search("x")`, `web_reading("`+s.URL+`/drip")`)
	require.Equal(t, "Serper cannot be reached: no complete answer within 1s", got[0].Message)
	require.Contains(t, got[1].Message, "cannot be read: no complete answer within 1s")
}

func TestAServerThatIsNotThereIsNamed(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	s.URL = "http://127.0.0.1:9"
	got := try(t, export(t, nil), append(serper(s), model(s)...), `web_search("x")`, `call_llm("", "x")`, `transcribe("a.mp3")`)
	require.Equal(t, "Serper cannot be reached: Connection refused", got[0].Message)
	require.Equal(t, "model call failed (unreachable): http://127.0.0.1:9/v1: Connection refused (check OPENAI_BASE_URL and the network)", got[1].Message)
}

func TestASettingThatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env           []string
		call, missing string
		says          string
	}{
		"a key of the search":      {nil, `web_search("x")`, "SERPER_API_KEY", "web_search needs a key of serper.dev: set SERPER_API_KEY"},
		"a broken key":             {[]string{"SERPER_API_KEY=a b"}, `web_search("x")`, "SERPER_API_KEY", "SERPER_API_KEY holds a space"},
		"a broken URL":             {[]string{"SERPER_BASE_URL=file:///etc"}, `web_search("x")`, "SERPER_BASE_URL", "SERPER_BASE_URL is no http or https URL"},
		"a key of the model":       {[]string{"OPENAI_MODEL=m"}, `call_llm("", "x")`, "OPENAI_API_KEY", "set OPENAI_API_KEY"},
		"a model":                  {[]string{"OPENAI_API_KEY=" + openaiKey}, `call_llm("", "x")`, "AGENTFACTORY_MODEL", "no model is named; set AGENTFACTORY_SUBAGENT_MODEL"},
		"a model for audio":        {[]string{"OPENAI_BASE_URL=http://127.0.0.1:9"}, `transcribe("tools.py")`, "AGENTFACTORY_TRANSCRIPTION_MODEL", "set AGENTFACTORY_TRANSCRIPTION_MODEL"},
		"Playwright":               {nil, `browser_automation([{"action": "navigate", "url": "https://example.org"}])`, "playwright", "python -m pip install -U playwright && python -m playwright install chromium"},
		"a stored login":           {nil, `browser_automation([{"action": "tab"}], session="shop")`, "", "the stored login shop is not part of an export"},
		"scripts that are allowed": {nil, `browser_automation([{"action": "eval", "script": "1"}])`, "", "set AGENTFACTORY_ALLOW_EVAL=1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := one(t, c.env, c.call)
			require.Contains(t, got.Message, c.says)
			require.Equal(t, c.missing, got.Missing)
		})
	}
}

func TestTheModelIsChosenBySettingsInTheirOrder(t *testing.T) {
	t.Parallel()
	s := serve(t, answerModel)
	env := []string{"OPENAI_BASE_URL=" + s.URL + "/v1/", "OPENAI_MODEL=third", "AGENTFACTORY_MODEL=second", "AGENTFACTORY_SUBAGENT_MODEL=first"}
	for i := range 3 {
		one(t, env[:len(env)-i], `call_llm("", "x")`)
	}
	var models []any
	for _, r := range s.asked() {
		require.Empty(t, r.Header.Get("Authorization"), "a server without a key is asked without one")
		models = append(models, jsonBody(t, r).(map[string]any)["model"])
	}
	require.Equal(t, []any{"first", "second", "third"}, models)
}

func TestTheOldNameOfTheLimitIsRemembered(t *testing.T) {
	t.Parallel()
	s := serve(t, answerModel)
	env := append(model(s), "AGENTFACTORY_SUBAGENT_MODEL=old-model")
	got := try(t, export(t, nil), env, `call_llm("", "x", 7)`, `call_llm("", "x", 7)`)
	require.Equal(t, got[0], got[1])
	require.Len(t, s.asked(), 3)
	require.Contains(t, s.asked()[2].Body, `"max_tokens": 7`)
}
