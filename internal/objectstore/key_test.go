package objectstore_test

import (
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/objectstore"
)

func TestKeysThatObeyTheGrammar(t *testing.T) {
	for _, key := range []string{
		"a", "skills/audio-transcriber/head.json", "runs/~0f/x/turns/000001.json",
		"A/b_c/~d", "a..b/c.", strings.Repeat("k", 200), strings.Repeat(strings.Repeat("k", 99)+"/", 8) + "k",
	} {
		require.NoError(t, objectstore.CheckKey(key), key)
	}
}

func TestKeysThatBreakTheGrammar(t *testing.T) {
	for name, key := range map[string]string{
		"empty":                          "",
		"leading slash":                  "/a",
		"trailing slash":                 "a/",
		"double slash":                   "a//b",
		"dot segment":                    "a/./b",
		"dot dot segment":                "a/../b",
		"hidden segment":                 "a/.b",
		"segment that looks like a flag": "a/-b",
		"space":                          "a b",
		"NUL":                            "a\x00b",
		"newline":                        "a\nb",
		"percent":                        "a%2fb",
		"backslash":                      `a\b`,
		"non-ASCII letter":               "ä",
		"invalid UTF-8":                  "a\xff",
		"segment of 201 bytes":           strings.Repeat("k", 201),
		"901 bytes":                      strings.Repeat(strings.Repeat("k", 99)+"/", 9) + "k",
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, objectstore.CheckKey(key), objectstore.ErrInvalidKey)
		})
	}
}

func TestWorkflowSegmentKeepsPlainIDsAndHashesTheOthers(t *testing.T) {
	for _, plain := range []string{"install-1", "A", "nightly_2026.11.21", strings.Repeat("x", 120)} {
		require.Equal(t, plain, objectstore.WorkflowSegment(plain))
	}
	for _, other := range []string{"", ".hidden", "a/b", "nightly-2026-11-21T03:00:00Z", "größe", "~" + strings.Repeat("0", 64), strings.Repeat("x", 121), "a\n"} {
		got := objectstore.WorkflowSegment(other)
		require.Regexp(t, "^~[0-9a-f]{64}$", got)
		require.NotEqual(t, other, got)
	}
}

func TestRunKey(t *testing.T) {
	require.Equal(t, "runs/w-1/r-1/turns/000001.json", objectstore.RunKey("w-1", "r-1", "turns", "000001.json"))
	require.NoError(t, objectstore.CheckKey(objectstore.RunKey("../../etc", "r", "result.json")))
}

func TestBlobKeyOfWhatIsNoDigestIsNoValidKey(t *testing.T) {
	digest := objectstore.DigestOf([]byte("x"))
	require.NoError(t, objectstore.CheckKey(objectstore.BlobKey(digest)))
	for _, wrong := range []objectstore.Digest{"", "..", "ab", digest[:63], digest + "0", objectstore.Digest(strings.ToUpper(string(digest)))} {
		require.ErrorIs(t, objectstore.CheckKey(objectstore.BlobKey(wrong)), objectstore.ErrInvalidKey, string(wrong))
	}
}

// A valid key is its own clean path below any directory, on which servers that keep objects in files rely.
func FuzzCheckKey(f *testing.F) {
	for _, seed := range []string{"a/b.json", "a//b", "../a", "~", ".", "a/-", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if objectstore.CheckKey(key) != nil {
			return
		}
		require.Equal(t, key, path.Clean(key))
		require.False(t, path.IsAbs(key) || strings.HasPrefix(key, ".."))
		require.LessOrEqual(t, len(key), 900)
	})
}

func FuzzWorkflowSegment(f *testing.F) {
	for _, seed := range []string{"install-1", "", "a/b", "~x", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		require.NoError(t, objectstore.CheckKey(objectstore.RunKey(id, id, "x.json")))
		require.Equal(t, 3, strings.Count(objectstore.RunKey(id, id, "x.json"), "/"))
	})
}
