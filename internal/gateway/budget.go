package gateway

import "sync"

// budget counts what a step spends, and the output tokens that calls in progress may still spend.
type budget struct {
	max     int64   // output tokens; negative: no limit
	maxCost float64 // US dollars; negative: no limit

	mu       sync.Mutex
	used     Usage
	reserved int64
}

// usualOutput stands for the output of a call that sets itself no limit. Below it, what is left of the budget becomes
// the limit; above, none is set, because servers refuse one that exceeds what the model can write.
const usualOutput = 4096

// reserve sets aside output tokens for a call that asked for at most wanted (0: it did not say). It returns the limit to
// send, 0 for none, and gives the reservation back through release.
func (b *budget) reserve(wanted int64) (limit int64, release func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.maxCost >= 0 && b.used.CostUSD >= b.maxCost {
		return 0, nil, Errorf(BudgetExhausted,
			"the %.4f USD that subagents' LLM calls may cost are spent; return what you have, or raise cost_usd with the budget update", b.maxCost)
	}
	if b.max < 0 {
		return wanted, func() {}, nil
	}
	left := b.max - b.used.OutputTokens - b.reserved
	if left <= 0 {
		return 0, nil, Errorf(BudgetExhausted,
			"the budget of %d output tokens for subagents' LLM calls is spent; return what you have, or raise it with the budget update", b.max)
	}
	limit = wanted
	if wanted > left || wanted == 0 && left < usualOutput {
		limit = left
	}
	set := limit
	if set == 0 {
		set = usualOutput
	}
	b.reserved += set
	return limit, func() { b.release(set) }, nil
}

func (b *budget) release(tokens int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reserved -= tokens
}

func (b *budget) add(u Usage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used = b.used.Add(u)
}

func (b *budget) usage() Usage {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}
