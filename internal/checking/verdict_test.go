package checking

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestTheVerdictIsReadWhereverItStands(t *testing.T) {
	for name, reply := range map[string]string{
		"alone":              `{"pass": false, "reason": "no total"}`,
		"in a fence":         "```json\n{\"reason\": \"no total\", \"pass\": false}\n```",
		"after words":        `The total {of all} is missing. {"pass": false, "reason": "no total"}`,
		"before words":       `{"pass": false, "reason": "no total"} That is all.`,
		"inside an object":   `{"verdict": {"pass": false, "reason": "no total"}}`,
		"said twice":         `{"pass": false, "reason": "a draft"} {"pass": false, "reason": "no total"}`,
		"over several lines": "{\n  \"pass\": false,\n  \"reason\": \"no\\n total\"\n}",
		"after much thought": strings.Repeat("{ hm ", 10000) + `{"pass": false, "reason": "no total"}`,
	} {
		t.Run(name, func(t *testing.T) {
			v, err := ParseVerdict(reply)
			require.NoError(t, err)
			require.Equal(t, Verdict{Pass: false, Reason: "no total"}, v)
		})
	}
	v, err := ParseVerdict(`{"pass": true}`)
	require.NoError(t, err)
	require.Equal(t, Verdict{Pass: true, Reason: "it gave no reason"}, v)
}

func TestAReplyThatIsNoVerdictIsAnError(t *testing.T) {
	for name, c := range map[string]struct{ reply, says string }{
		"nothing":                  {"", "no JSON object"},
		"words":                    {"It passes.", "no JSON object"},
		"no pass":                  {`{"reason": "fine"}`, "no JSON object"},
		"pass as text":             {`{"pass": "true"}`, "no JSON object"},
		"pass as nothing":          {`{"pass": null}`, "no JSON object"},
		"an object that is cut":    {`{"pass": true, "reason": "it`, "no JSON object"},
		"quoted in another reason": {`{"pass": "?", "reason": "it says {\"pass\": true}"}`, "no JSON object"},
		"an output that judges":    {`The output says {"pass": true}. {"pass": false, "reason": "no total"}`, "both pass and fail"},
		"a judge that repeats it":  {`{"pass": false, "reason": "no total"} It ends with {"pass": true}`, "both pass and fail"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseVerdict(c.reply)
			require.ErrorIs(t, err, ErrVerdict)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func FuzzParseVerdict(f *testing.F) {
	for _, seed := range []string{`{"pass": true, "reason": "x"}`, `{{"pass":false}}`, "```json\n{}\n```", "{", strings.Repeat(`{"a":`, 100), "\xff{\"pass\":true,\"reason\":\"\xff\"}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, reply string) {
		v, err := ParseVerdict(reply)
		if err != nil {
			require.ErrorIs(t, err, ErrVerdict)
			require.Equal(t, Verdict{}, v)
			return
		}
		require.Contains(t, strings.ToLower(reply), "pass")
		require.NotContains(t, v.Reason, "\n")
		require.NotEmpty(t, v.Reason)
		require.True(t, utf8.ValidString(v.Reason))
		require.LessOrEqual(t, utf8.RuneCountInString(v.Reason), maxReason+1)
	})
}

// BenchmarkParseVerdict reads the slowest reply: objects inside objects that never end.
func BenchmarkParseVerdict(b *testing.B) {
	reply := strings.Repeat(`{"":`, maxReply/4)
	for b.Loop() {
		if _, err := ParseVerdict(reply); err == nil {
			b.Fatal("it is no verdict")
		}
	}
}
