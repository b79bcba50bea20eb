package activities

import (
	"errors"
	"fmt"

	"agentfactory/internal/llm"
	"agentfactory/internal/metaskill"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
)

// conversation is the transcript as it is sent to the model. Messages are only ever
// appended, so that a provider's prompt cache hits, until the context window fills:
// then old observations are shortened, many at once, so that this happens rarely.
type conversation struct {
	method        *metaskill.Method
	chain         []*run.Turn   // the opening and every turn so far
	added         []llm.Message // what is said now
	shortenBefore int           // observations of turns below this number are sent shortened
	maxOutput     int64         // tokens that the budget leaves for the reply; 0: no limit
}

func (c *conversation) opening() *run.Opening { return c.chain[0].Opening }

func (c *conversation) last() *run.Turn { return c.chain[len(c.chain)-1] }

// How full the window may get before old observations are shortened, and how many
// of the latest turns always stay whole.
const (
	fullShare  = 0.8
	wholeTurns = 6
	charsToken = 3 // characters in a token, on the safe side for code
)

// fit shortens old observations when the next request would fill the window. The
// server's own count of the last request is the base: it is exact and costs nothing.
func (c *conversation) fit() {
	last := c.last()
	c.shortenBefore = last.ShortenBefore
	expected := last.Usage.InputTokens + last.Usage.OutputTokens + int64(size(c.added)/charsToken)
	room := int64(c.opening().ContextWindow - c.opening().MaxOutputTokens)
	if expected > int64(fullShare*float64(room)) {
		c.shortenMore()
	}
}

// shortenMore shortens everything but the latest turns; it reports whether that changes anything.
func (c *conversation) shortenMore() bool {
	before := last(c.chain).Number - wholeTurns
	if before <= c.shortenBefore {
		return false
	}
	c.shortenBefore = before
	return true
}

func last(chain []*run.Turn) *run.Turn { return chain[len(chain)-1] }

func (c *conversation) request() llm.Request {
	var messages []llm.Message
	for _, t := range c.chain {
		for _, m := range t.Added {
			if m.Role == "tool" && t.Number < c.shortenBefore {
				m.Content = shorten(m.Content)
			}
			messages = append(messages, m)
		}
		if t.Opening == nil || len(t.Reply.ToolCalls) > 0 { // an opening may make a call for the model
			messages = append(messages, t.Reply)
		}
	}
	limit := c.opening().MaxOutputTokens
	if c.maxOutput > 0 && (limit == 0 || c.maxOutput < int64(limit)) {
		limit = int(c.maxOutput)
	}
	return llm.Request{
		Model: c.opening().Model, Messages: append(messages, c.added...),
		Tools: c.method.Tools(), MaxOutputTokens: limit,
	}
}

// shortObservation is what remains of an old observation, in characters.
const shortObservation = 300

func shorten(s string) string {
	if len(s) <= 2*shortObservation {
		return s
	}
	return fmt.Sprintf("%s\n[shortened: %d of %d characters are left out]", cut(s, shortObservation), len(s)-shortObservation, len(s))
}

func size(messages []llm.Message) (n int) {
	for _, m := range messages {
		n += len(m.Content)
	}
	return n
}

func contextLength(err error) bool {
	var e *llm.Error
	return errors.As(err, &e) && e.Kind == llm.KindContextLength
}

func notFound(err error) bool { return errors.Is(err, objectstore.ErrNotFound) }
