package skill_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/skill"
)

func TestWhatAVersionNeedsBeyondAnotherIsTold(t *testing.T) {
	base := skill.Permissions{Tools: []string{"web_search"}, Packages: []string{"pandas"}}
	now := skill.Permissions{Tools: []string{"shell_command", "web_search"}, Hosts: []string{"example.com"}, Packages: []string{"pandas"}}
	require.Equal(t, []string{"tool shell_command", "host example.com"}, now.Beyond(base))
	require.Empty(t, base.Beyond(base))
	require.Equal(t, "tool web_search, package pandas", base.String())
	require.Equal(t, "none", skill.Permissions{}.String())
}
