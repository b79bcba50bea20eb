package llm_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
)

func TestPricesAreFoundByTheLongestName(t *testing.T) {
	configured := llm.Prices{"gpt-5": {Input: 9}, "local/llama": {Input: 0.5}, "llama": {Input: 1}, "": {Input: 77}}
	for model, want := range map[string]float64{
		"gpt-5":                                9,    // configured before built in
		"gpt-5-2025-08-07":                     9,    // a dated name continues it
		"gpt-5-mini-2025":                      0.25, // the longer name fits better, though it is built in
		"openai/gpt-5":                         9,    // a provider's prefix does not matter
		"local/llama:8b":                       0.5,  // unless it is configured
		"other/llama:8b":                       1,    //
		"gpt-4.1-mini":                         0.40, // built in, longer than gpt-4.1
		"gpt-4.1-2025-04-14":                   2,
		"scripted-model":                       0,
		"anthropic/claude-sonnet-4-5@20250929": 3,
	} {
		price, known := configured.For(model)
		require.True(t, known, model)
		require.InDelta(t, want, price.Input, 1e-9, model)
	}
	for _, model := range []string{"gpt-50", "gpt-5.7", "llamas", "mistral", ""} {
		_, known := configured.For(model)
		require.False(t, known, model)
	}
}

func TestUsageIsCharged(t *testing.T) {
	prices := llm.Prices{"m": {Input: 2, CachedInput: 0.5, Output: 10}}
	usage := llm.Usage{InputTokens: 1_000_000, CachedInputTokens: 400_000, OutputTokens: 100_000}
	require.InDelta(t, 1.2+0.2+1, prices.Charge("m", usage).CostUSD, 1e-9)
	unpriced := prices.Charge("unknown", usage)
	require.True(t, unpriced.Unpriced)
	require.Zero(t, unpriced.CostUSD)
	sum := prices.Charge("m", usage).Plus(unpriced)
	require.Equal(t, llm.Usage{InputTokens: 2_000_000, CachedInputTokens: 800_000, OutputTokens: 200_000, CostUSD: 2.4, Unpriced: true}, sum)
}

func TestTokensAreCounted(t *testing.T) {
	for _, test := range []struct {
		model, text string
		want        int
	}{
		{"gpt-5", "hello world", 2},
		{"some-model-of-2027", "hello world", 2},
		{"gpt-4", "こんにちは世界", 4},      // cl100k_base
		{"gpt-5-mini", "こんにちは世界", 2}, // o200k_base
		{"gpt-5", "", 0},
		{"gpt-5", "\xff\xfe", 1},
	} {
		require.Equal(t, test.want, llm.CountTokens(test.model, test.text), "%s %q", test.model, test.text)
	}
}

func TestARequestIsAtLeastItsMessagesAndTools(t *testing.T) {
	request := conversation(3)[2]
	sum := 0
	for _, message := range request.Messages {
		sum += llm.CountMessage(request.Model, message)
	}
	withTools := llm.CountRequest(request)
	request.Tools = nil
	require.Equal(t, sum+3, llm.CountRequest(request))
	require.Greater(t, withTools, sum+20)
}

func TestATextThatNobodyWroteIsCountedInTime(t *testing.T) {
	for _, text := range []string{strings.Repeat("a", 1<<18), strings.Repeat(" ", 1<<18), strings.Repeat("\n", 1<<18), strings.Repeat("é", 1<<17)} {
		require.Positive(t, llm.CountTokens("gpt-5", text))
	}
}
