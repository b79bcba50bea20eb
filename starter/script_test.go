package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm/scripted"
)

func TestTheDemoScriptIsValid(t *testing.T) {
	_, err := scripted.Parse(demoScript)
	require.NoError(t, err)
}
