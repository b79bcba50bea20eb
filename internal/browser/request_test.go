package browser

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAMistakeInARequestIsNamedWithWhatWouldBeRight(t *testing.T) {
	for request, says := range map[string]string{
		`[]`:                              "not a JSON object",
		`null`:                            "not a JSON object",
		`{}`:                              "give actions",
		`{"actions":null}`:                "give actions",
		`{"action":[]}`:                   `did you mean "actions"?`,
		`{"actions":{}}`:                  "actions is not a list",
		`{"actions":[1]}`:                 "actions[0]",
		`{"actions":[{"action":"clik"}]}`: `did you mean "click"?`,
		`{"actions":[{"do":"click"}]}`:    "there are check, click",
		`{"actions":[{"action":"click","reff":"e1"}]}`:                                                `did you mean "ref"?`,
		`{"actions":[{"action":"click"}]}`:                                                            "address an element",
		`{"actions":[{"action":"click","ref":"e1","text":"x"}]}`:                                      "by several",
		`{"actions":[{"action":"click","name":"x"}]}`:                                                 "address an element",
		`{"actions":[{"action":"click","text":"x","name":"x"}]}`:                                      "name goes with role",
		`{"actions":[{"action":"click","ref":"#x"}]}`:                                                 "such as e12",
		`{"actions":[{"action":"click","ref":"e1","nth":1}]}`:                                         "leave out",
		`{"actions":[{"action":"click","css":"a","nth":-1}]}`:                                         "count from 0",
		`{"actions":[{"action":"click","ref":7}]}`:                                                    "ref has the wrong type, number",
		`{"actions":[{"action":"navigate"}]}`:                                                         `navigate needs "url"`,
		`{"actions":[{"action":"navigate","url":"example.com"}]}`:                                     "no absolute URL",
		`{"actions":[{"action":"navigate","url":"http:///x"}]}`:                                       "names no host",
		`{"actions":[{"action":"navigate","url":"file:///x"}]}`:                                       "only http and https",
		`{"actions":[{"action":"navigate","url":"http://a.example","timeout_ms":-1}]}`:                "timeout_ms is -1",
		`{"actions":[{"action":"fill","label":"x"}]}`:                                                 "an element and its value",
		`{"actions":[{"action":"fill","label":"x","value":"1","fields":[{"ref":"e1","value":"x"}]}]}`: "an element and its value",
		`{"actions":[{"action":"fill","fields":[{"ref":"e1"}]}]}`:                                     `fields[0] needs "value"`,
		`{"actions":[{"action":"fill","fields":[{"value":"x"}]}]}`:                                    "address an element",
		`{"actions":[{"action":"wait"}]}`:                                                             "one of an element, url and ms",
		`{"actions":[{"action":"wait","ms":60000}]}`:                                                  "ms is 60000",
		`{"actions":[{"action":"download"}]}`:                                                         "or a url",
		`{"actions":[{"action":"tab","open":"http://a/","close":1}]}`:                                 "one of open, index and close",
		`{"actions":[{"action":"download","url":"http://a/","text":"x"}]}`:                            "or a url",
		`{"actions":[{"action":"tab","index":1,"close":1}]}`:                                          "one of open, index and close",
		`{"actions":[{"action":"screenshot","ref":"e1","full":true}]}`:                                "not both",
		`{"actions":[{"action":"click","ref":"e1","dialog":"yes"}]}`:                                  "accept or dismiss",
		`{"actions":[{"action":"click","ref":"e1","prompt":"x"}]}`:                                    "prompt goes with",
		`{"actions":[{"action":"text","max_bytes":1000000}]}`:                                         "max_bytes is 1000000",
		`{"goal":"x","actions":[{"action":"close"}]}`:                                                 "not both",
		`{"goal":"x","max_steps":51}`:                                                                 "give 1 to 50",
		`{"goal":"x","url":"file:///x"}`:                                                              "only http and https",
		`{"url":"http://a.example","actions":[{"action":"close"}]}`:                                   "go with a goal",
	} {
		_, err := Parse([]byte(request))
		require.ErrorContains(t, err, says, request)
		require.NotContains(t, err.Error(), "\n")
	}
}

func TestARequestIsReadWhole(t *testing.T) {
	r, err := Parse([]byte(`{"session":"shop","actions":[
		{"action":"navigate","url":"https://a.example/x"},
		{"action":"fill","value":"","label":"Name"},
		{"action":"fill","fields":[{"ref":"f1e2","value":"x"}]},
		{"action":"check","css":"#a","checked":false,"frame":"#f","nth":0},
		{"action":"click","role":"button","name":"Go","exact":true,"dialog":"accept","prompt":""},
		{"action":"tab"}, {"action":"close"}]}`))
	require.NoError(t, err)
	require.Len(t, r.Actions, 7)
	require.Equal(t, "shop", r.Session)
	require.Equal(t, Target{Ref: "f1e2"}, r.Actions[2].Fields[0].Target)
	require.False(t, *r.Actions[3].Checked)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"actions":[{"action":"fill","fields":[{"label":"a","value":"b","nth":0}]}]}`))
	f.Add([]byte(`{"goal":"x","url":"http://a.example","max_steps":3}`))
	f.Add([]byte(`{"actions":[{"action":"tab","open":"FILE:///x"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := Parse(body)
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		require.True(t, (r.Goal != "") != (len(r.Actions) > 0))
		for _, a := range r.Actions {
			k, ok := kinds[a.Action]
			require.True(t, ok)
			require.LessOrEqual(t, a.Target.given(), int(k.element)) // none: 0; required: at most 2, and check allows 1
			require.LessOrEqual(t, a.Target.given(), 1)
			for _, u := range []string{a.Open, a.URL} {
				if u != "" && a.Action != "wait" {
					require.NoError(t, checkURL(u))
				}
			}
		}
		_, err = json.Marshal(r)
		require.NoError(t, err)
	})
}
