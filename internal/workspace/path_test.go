package workspace_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/workspace"
)

func TestPathsAreCleaned(t *testing.T) {
	for given, want := range map[string]string{
		"report.txt": "report.txt", "./a/b.py": "a/b.py", "a//b": "a/b", "a/./b": "a/b", "größe.csv": "größe.csv",
		"with space.txt": "with space.txt", "...": "...", "a/..b": "a/..b", ".env": ".env", "-rf": "-rf",
		strings.Repeat("n", 200): strings.Repeat("n", 200),
	} {
		got, err := workspace.CleanPath(given)
		require.NoError(t, err, given)
		require.Equal(t, want, got)
	}
}

func TestPathsThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ path, says string }{
		"nothing":                    {"", "empty"},
		"an absolute path":           {"/etc/passwd", "absolute"},
		"the parent":                 {"..", "leaves"},
		"a way out":                  {"a/../../b", "leaves"},
		"a detour that stays inside": {"a/../b", "leaves"},
		"the workspace":              {".", "folder"},
		"a folder":                   {"a/", "folder"},
		"a folder by a dot":          {"a/.", "folder"},
		"only slashes and dots":      {"./", "folder"},
		"NUL":                        {"a\x00b", "control"},
		"a newline":                  {"a\nb", "control"},
		"a C1 control":               {"a\u0085b", "control"},
		"a backslash":                {`a\b`, "use /"},
		"bytes that are not UTF-8":   {"a\xff", "UTF-8"},
		"a name of 201 bytes":        {"a/" + strings.Repeat("n", 201), "200"},
		"1025 bytes":                 {strings.Repeat("nnn/", 256) + "n", "1024"},
		"the sandbox's folder":       {".tmp/x", "reserved"},
		"our folder":                 {"a/.agentfactory/x", "reserved"},
		"Python's cache":             {"__pycache__/a.pyc", "reserved"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := workspace.CleanPath(test.path)
			require.ErrorIs(t, err, workspace.ErrInvalidPath)
			require.ErrorContains(t, err, test.says)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func FuzzCleanPath(f *testing.F) {
	for _, seed := range []string{"a/b", "../x", "/x", "a//./b", "", ".", "a/..", "\x00", ".tmp", `..\x`, "a/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		clean, err := workspace.CleanPath(given)
		if err != nil {
			require.ErrorIs(t, err, workspace.ErrInvalidPath)
			require.NotContains(t, err.Error(), "\n")
			return
		}
		require.True(t, filepath.IsLocal(clean))
		require.Equal(t, filepath.Clean(given), clean)
		again, err := workspace.CleanPath(clean)
		require.NoError(t, err)
		require.Equal(t, clean, again)
	})
}
