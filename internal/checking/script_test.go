package checking

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

const plainCheck = "def check(query, answer):\n    assert answer, \"the answer is empty\"\n"

func TestTheScriptIsTakenOutOfTheReply(t *testing.T) {
	for name, reply := range map[string]string{
		"a Python block":                    "```python\n" + plainCheck + "```",
		"a block between words":             "Here it is:\n\n```py\n" + plainCheck + "```\nIt reads no clock.",
		"a block without a mark":            "```\n" + plainCheck + "```\n",
		"a block beside one of another":     "```json\n{}\n```\n~~~ Python title=\"check\"\n" + plainCheck + "~~~\n",
		"a longer fence":                    "````python\n" + plainCheck + "````\n",
		"Windows line ends":                 strings.ReplaceAll("```python\n"+plainCheck+"```\n", "\n", "\r\n"),
		"all code":                          plainCheck,
		"all code, with blank lines around": "\n\n" + plainCheck + "\n  \n",
	} {
		t.Run(name, func(t *testing.T) {
			script, err := ParseScript(reply)
			require.NoError(t, err)
			require.Equal(t, plainCheck, script)
		})
	}
}

func TestFencesInsideThePythonCodeDoNotEndIt(t *testing.T) {
	code := "def check(query, answer):\n    fence = '''\n    ```\n'''\n    assert fence not in answer\n"
	script, err := ParseScript("```python\n" + code + "```\n")
	require.NoError(t, err)
	require.Equal(t, code, script)
}

func TestAReplyWithoutAScriptSaysWhy(t *testing.T) {
	for name, c := range map[string]struct{ reply, says string }{
		"nothing":               {"", "no code"},
		"an empty block":        {"```python\n```", "no code"},
		"words":                 {"I cannot help with that.", "no function check"},
		"another function":      {"```python\ndef test(query, answer): pass\n```", "no function check"},
		"a method":              {"```python\nclass A:\n    def check(self): pass\n```", "no function check"},
		"a coroutine":           {"```python\nasync def check(query, answer): pass\n```", "no function check"},
		"two blocks":            {"```python\n" + plainCheck + "```\n```python\n" + plainCheck + "```", "2 Python blocks"},
		"a block that is cut":   {"```python\n" + plainCheck, "cut off"},
		"a script that is long": {"```python\n" + plainCheck + strings.Repeat("#", MaxScript) + "\n```", "16451 bytes; at most 16384"},
		"NUL bytes":             {plainCheck + "#\x00", "NUL"},
		"other bytes":           {plainCheck + "#\xff", "UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseScript(c.reply)
			require.ErrorContains(t, err, c.says)
			require.NotErrorIs(t, err, ErrNoCheck)
		})
	}
}

func TestATesterMayDeclineWithAReason(t *testing.T) {
	for name, c := range map[string]struct{ reply, says string }{
		"as it was asked":    {"NO CHECK: a poem has no facts", "no check by code: a poem has no facts"},
		"in bold":            {"**NO CHECK:** a poem", "no check by code: a poem"},
		"after words":        {"I thought about it.\nNO CHECK - a poem\n", "no check by code: a poem"},
		"in a block":         {"```\nNO CHECK: a poem\n```", "no check by code: a poem"},
		"beside no check":    {"NO CHECK: a poem\n```python\npass\n```", "no check by code: a poem"},
		"without a reason":   {"NO CHECK", "no check by code: it gave no reason"},
		"at too much length": {"NO CHECK: " + strings.Repeat("long ", 100), "no check by code: " + strings.Repeat("long ", 60) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseScript(c.reply)
			require.ErrorIs(t, err, ErrNoCheck)
			require.EqualError(t, err, c.says)
		})
	}
	_, err := ParseScript("NO CHECK: I was wrong\n```python\n" + plainCheck + "```")
	require.NoError(t, err, "a check that is there counts")
}

func FuzzParseScript(f *testing.F) {
	for _, seed := range []string{
		plainCheck, "```python\n" + plainCheck + "```", "NO CHECK: why", "```\n```\n```", "~~~\n", "```python\r\ndef check(", "   ```py\n\x00\n   ```",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, reply string) {
		script, err := ParseScript(reply)
		if err != nil {
			require.Empty(t, script)
			require.NotContains(t, err.Error(), "\n")
			require.True(t, utf8.ValidString(err.Error()))
			require.True(t, !errors.Is(err, ErrNoCheck) || strings.Contains(reply, "NO CHECK"))
			return
		}
		require.LessOrEqual(t, len(script), MaxScript+1)
		require.Contains(t, script, "check")
		require.NotContains(t, script, "\x00")
		require.True(t, utf8.ValidString(script))
		again, err := ParseScript("`````````python\n" + script + "`````````\n")
		if !strings.Contains(script, "`````````") {
			require.NoError(t, err)
			require.Equal(t, strings.ReplaceAll(script, "\r\n", "\n"), again)
		}
	})
}
