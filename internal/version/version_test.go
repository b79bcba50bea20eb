package version

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestABuildIsKnownByItsReleaseElseByItsCommit(t *testing.T) {
	setting := func(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }
	for name, c := range map[string]struct {
		main     string
		settings []debug.BuildSetting
		want     string
	}{
		"a tagged commit":              {"v1.4.2", nil, "v1.4.2"},
		"a commit":                     {"(devel)", []debug.BuildSetting{setting("vcs.revision", "0ab1"), setting("vcs.modified", "false")}, "0ab1"},
		"a commit with changes":        {"(devel)", []debug.BuildSetting{setting("vcs.revision", "0ab1"), setting("vcs.modified", "true")}, "0ab1+dirty"},
		"an archive without a history": {"", nil, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, of(&debug.BuildInfo{Main: debug.Module{Version: c.main}, Settings: c.settings}))
		})
	}
}

func TestTheLineNamesProgramBuildAndPlatform(t *testing.T) {
	require.Regexp(t, `^worker \S+ \(go1\.\d+\S*, \w+/\w+\)$`, Line("worker"))
}
