package evaluation

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// reportOf has one method; each task has a letter per repeat: p passed, f failed, e error of the check, - not run.
func reportOf(id string, tokens int64, tasks map[string]string) Report {
	var all []Task
	var outcomes []Outcome
	repeats := 0
	for _, name := range []string{"a", "b", "c", "d"} {
		repeats = max(repeats, len(tasks[name]))
		if tasks[name] == "" {
			continue
		}
		all = append(all, Task{ID: name, Task: "do " + name})
		for i, letter := range tasks[name] {
			o := took("agentfactory", i+1, len(all), tokens+int64(len(all)))
			o.Task = name
			o.Verdict = map[rune]Verdict{'p': Passed, 'f': Failed, 'e': CheckError, '-': NotRun}[letter]
			if letter == 'f' {
				o.CheckReason = "it says 7"
			}
			outcomes = append(outcomes, o)
		}
	}
	return Make(Meta{ID: id, Methods: []string{"agentfactory"}, Repeat: repeats}, all, outcomes, nil)
}

func TestAComparisonSaysWhatGotBetterAndWhatGotWorse(t *testing.T) {
	type tasks = map[string]string
	for name, c := range map[string]struct {
		a, b             tasks
		tokensA, tokensB int64
		verdict          Change
		reason           string
		flips            int
	}{
		"nothing changed":               {a: tasks{"a": "p", "b": "f"}, b: tasks{"a": "p", "b": "f"}, verdict: Same, reason: "over 2 common tasks nothing changed that chance would not explain"},
		"a task fails now":              {a: tasks{"a": "p", "b": "p"}, b: tasks{"a": "p", "b": "f"}, verdict: Worse, reason: "agentfactory: flipped to failed: b", flips: 1},
		"a task passes now":             {a: tasks{"a": "f", "b": "p"}, b: tasks{"a": "p", "b": "p"}, verdict: Better, reason: "agentfactory: flipped to passed: a", flips: 1},
		"one of each":                   {a: tasks{"a": "f", "b": "p"}, b: tasks{"a": "p", "b": "f"}, verdict: MixedChange, reason: "flipped to failed: b, flipped to passed: a", flips: 2},
		"a flip that repeats explain":   {a: tasks{"a": "ppf", "b": "ppp"}, b: tasks{"a": "pff", "b": "ppp"}, verdict: Same, reason: "chance", flips: 1},
		"a flip in all repeats":         {a: tasks{"a": "ppp"}, b: tasks{"a": "fff"}, verdict: Worse, reason: "flipped to failed: a", flips: 1},
		"a flip too clear for chance":   {a: tasks{"a": "pppppppppf"}, b: tasks{"a": "fffffffffp"}, verdict: Worse, reason: "flipped to failed: a", flips: 1},
		"errors of checks are no flips": {a: tasks{"a": "p", "b": "p"}, b: tasks{"a": "e", "b": "-"}, verdict: Same, reason: "chance"},
		"as many passed as failed":      {a: tasks{"a": "pp"}, b: tasks{"a": "pf"}, verdict: Same, reason: "chance"},
		"more tokens":                   {a: tasks{"a": "p", "b": "p"}, b: tasks{"a": "p", "b": "p"}, tokensA: 100, tokensB: 130, verdict: Worse, reason: "orchestration tokens per task went from 102 to 132 (+30 %)"},
		"fewer tokens":                  {a: tasks{"a": "p", "b": "p"}, b: tasks{"a": "p", "b": "p"}, tokensA: 100, tokensB: 60, verdict: Better, reason: "(−39 %)"},
		"a few tokens more":             {a: tasks{"a": "p", "b": "p"}, b: tasks{"a": "p", "b": "p"}, tokensA: 100, tokensB: 103, verdict: Same, reason: "chance"},
		"no task in common":             {a: tasks{"a": "p"}, b: tasks{"b": "p"}, verdict: Incomparable, reason: "no task or no method in common"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Compare(reportOf("A", c.tokensA, c.a), reportOf("B", c.tokensB, c.b))
			require.Equal(t, c.verdict, got.Verdict, got.Reason)
			require.Contains(t, got.Reason, c.reason)
			require.Len(t, got.flips(), c.flips)
		})
	}
}

func TestManySmallLossesAreALossEvenIfEachMayBeChance(t *testing.T) {
	type tasks = map[string]string
	c := Compare(reportOf("A", 0, tasks{"a": "ppp", "b": "ppp", "c": "ppp", "d": "ppp"}), reportOf("B", 0, tasks{"a": "pff", "b": "fpf", "c": "pff", "d": "ffp"}))
	require.Equal(t, Worse, c.Verdict)
	require.Equal(t, "agentfactory: the success rate went from 100 % to 33 %", c.Reason)
	for _, f := range c.flips() {
		require.True(t, f.Flaky)
	}
}

func TestOnlyTasksThatAreTheSameInBothAreCompared(t *testing.T) {
	a := reportOf("A", 0, map[string]string{"a": "p", "b": "p", "c": "p"})
	b := reportOf("B", 0, map[string]string{"b": "p", "c": "f", "d": "f"})
	b.Tasks[0].Digest = "another"
	c := Compare(a, b)
	require.Equal(t, []string{"d"}, c.New)
	require.Equal(t, []string{"a"}, c.Missing)
	require.Equal(t, []string{"b"}, c.Altered)
	require.Equal(t, 1, c.Common)
	require.Contains(t, c.Notes[0], "Only the 1 task that both have are compared: 1 new, 1 missing, 1 altered.")
	flips := c.flips()
	require.Len(t, flips, 1)
	require.Equal(t, Flip{Task: "c", To: Failed, A: "1 of 1 passed", B: "0 of 1 passed", Reason: "it says 7"}, flips[0].Flip)
}

func TestAComparisonReadsAtATerminal(t *testing.T) {
	c := Compare(reportOf("A", 100, map[string]string{"a": "p", "b": "p"}), reportOf("B", 300, map[string]string{"a": "p", "b": "f"}))
	c.Methods[0].Flips[0].Reason = "it says\n\x1b[31mred"
	var text bytes.Buffer
	require.NoError(t, c.Text(&text))
	require.Equal(t, `A to B: worse
agentfactory: flipped to failed: b, orchestration tokens per task went from 102 to 302 (+197 %).
Without repeats in both, chance cannot be told from change: every flip counts.

Method        Verdict  Success                Tokens per task                   Cost per task
agentfactory  worse    100 % to 50 % (−50 %)  102 to 302 (+197 %, significant)  $0.00 to $0.00 (+0 %)

Task  Method        Now     Before         After          Why
b     agentfactory  failed  1 of 1 passed  0 of 1 passed  it says �[31mred
`, text.String())
}
