package scripted

import (
	"crypto/sha256"
	"sync"

	"agentfactory/internal/llm"
)

// maxPrefixes bounds the memory that a long-running server spends on remembering prompts: about 10 MB.
const maxPrefixes = 100_000

// promptCache counts input tokens, and remembers the prefixes of the prompts it has seen as a provider's prompt cache
// does: what a client repeats byte by byte from the beginning is cached, and not counted again.
type promptCache struct {
	mu   sync.Mutex
	seen map[sum]int64 // digest of a prefix -> its tokens
}

// count returns the tokens of a request and how many of them were seen before.
func (c *promptCache) count(r *request) (input, cached int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil || len(c.seen) > maxPrefixes {
		c.seen = map[sum]int64{}
	}
	prefix := sha256.Sum256([]byte(r.model))
	extend := func(part sum, tokens func() int) {
		prefix = sha256.Sum256(append(prefix[:], part[:]...))
		if known, ok := c.seen[prefix]; ok {
			input, cached = known, known
			return
		}
		input += int64(tokens())
		c.seen[prefix] = input
	}
	for _, tool := range r.tools {
		extend(sha256.Sum256(tool), func() int { return llm.CountTokens(r.model, string(tool)) })
	}
	for _, message := range r.messages {
		extend(message.sum, func() int { return llm.CountMessage(r.model, message.Message) })
	}
	return input, cached
}
