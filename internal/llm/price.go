package llm

import "strings"

// Price is what a model costs, in US dollars per million tokens.
type Price struct {
	Input       float64 `json:"input" yaml:"input"`
	CachedInput float64 `json:"cached_input" yaml:"cached_input"` // input read from the provider's prompt cache
	Output      float64 `json:"output" yaml:"output"`
}

// Prices maps model names, or their beginnings, to prices.
type Prices map[string]Price

// builtInPrices are the standard list prices that OpenAI and Anthropic published in November 2026. Surcharges for very
// long prompts and for writing to the cache are not modelled, and models priced by prompt length are left out; whoever
// pays other prices configures them.
var builtInPrices = Prices{
	"scripted": {},

	"gpt-6.2-sol":   {2, 0.10, 10},
	"gpt-6.1-sol":   {2, 0.10, 10},
	"gpt-6-astra":   {10, 1, 50},
	"gpt-6-sol":     {2, 0.20, 10},
	"gpt-6-luna":    {0.10, 0.01, 0.50},
	"gpt-5.6-terra": {2, 0.20, 12},
	"gpt-5.6-luna":  {0.20, 0.02, 1.20},
	"gpt-5.4":       {2.50, 0.25, 15},
	"gpt-5.4-mini":  {0.75, 0.075, 4.50},
	"gpt-5.1":       {1.25, 0.125, 10},
	"gpt-5":         {1.25, 0.125, 10},
	"gpt-5-mini":    {0.25, 0.025, 2},
	"gpt-5-nano":    {0.05, 0.005, 0.40},
	"gpt-4.1":       {2, 0.50, 8},
	"gpt-4.1-mini":  {0.40, 0.10, 1.60},
	"gpt-4.1-nano":  {0.10, 0.025, 0.40},
	"gpt-4o":        {2.50, 1.25, 10},
	"gpt-4o-mini":   {0.15, 0.075, 0.60},

	// Nearly all that these read is audio, which has a price of its own; none is cached.
	"gpt-4o-transcribe":      {6, 6, 10},
	"gpt-4o-mini-transcribe": {3, 3, 5},

	"claude-opus-5-5":   {4, 0.20, 20},
	"claude-opus-5":     {5, 0.50, 25},
	"claude-opus-4-6":   {5, 0.50, 25},
	"claude-opus-4-5":   {5, 0.50, 25},
	"claude-sonnet-5-5": {2, 0.10, 10},
	"claude-sonnet-5":   {2, 0.20, 10},
	"claude-sonnet-4-6": {3, 0.30, 15},
	"claude-sonnet-4-5": {3, 0.30, 15},
	"claude-haiku-4-5":  {1, 0.10, 5},
}

// For returns the price of a model: that of the longest name that it equals or continues, these prices going before
// built-in ones of the same name. "gpt-5-2025-08-07" continues "gpt-5"; "gpt-5.7" and "gpt-50" do not. A provider's
// prefix, as in "openai/gpt-5", matters only where it is part of a name here.
func (p Prices) For(model string) (Price, bool) {
	bare := model[strings.LastIndex(model, "/")+1:]
	longest, found := "", false
	var best Price
	for _, prices := range []Prices{p, builtInPrices} {
		for name, price := range prices {
			if (continues(model, name) || continues(bare, name)) && len(name) > len(longest) {
				longest, best, found = name, price, true
			}
		}
	}
	return best, found
}

func continues(model, name string) bool {
	rest, ok := strings.CutPrefix(model, name)
	return ok && (rest == "" || strings.ContainsRune("-:@_", rune(rest[0])))
}

// Charge returns the usage with its cost, or marked as unpriced.
func (p Prices) Charge(model string, usage Usage) Usage {
	price, known := p.For(model)
	fresh := usage.InputTokens - usage.CachedInputTokens
	usage.Unpriced = !known
	usage.CostUSD = (float64(fresh)*price.Input + float64(usage.CachedInputTokens)*price.CachedInput +
		float64(usage.OutputTokens)*price.Output) / 1e6
	return usage
}
