package service

import (
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/config"
)

func TestKeysAndLoginsAreSecret(t *testing.T) {
	for name, value := range map[string]string{"AWS_SECRET_ACCESS_KEY": "aws", "TEMPORAL_API_KEY": "temporal", "HTTPS_PROXY": "http://ann:proxy-login@proxy:3128"} {
		t.Setenv(name, value)
	}
	c := config.Config{}
	c.Model.APIKey, c.Model.BaseURL = "model key", "https://ann:model-login@host/v1"
	c.Tools.Search.APIKey, c.Tools.Reading.BaseURL, c.Browser.SessionKey = "search key", "https://reading-token@host", "session key"
	require.Subset(t, secrets(c), []string{"model key", "model-login", "search key", "reading-token", "session key", "aws", "temporal", "proxy-login"})
	require.NotContains(t, secrets(c), "")
}
