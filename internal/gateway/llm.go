package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
)

// LLM answers one call_llm of a subagent. An error that has a method Retryable() bool which returns true ends the session
// (see Session.Close); any other is shown to the subagent as `unavailable`, an *Error as it is.
type LLM func(ctx context.Context, r LLMRequest) (LLMReply, error)

// LLMRequest is what a subagent asks of the model.
type LLMRequest struct {
	System    string    // empty: none
	Messages  []Message // none only when System is set
	MaxTokens int       // output tokens; 0: no limit set
}

// Message is one message of a conversation; its role is system, user or assistant.
type Message struct {
	Role    string
	Content string
	Parts   []Part // in place of Content: texts and, from the user, images
}

// LLMReply is what the model wrote, and what it cost.
type LLMReply struct {
	Text  string `json:"text"`
	Usage Usage  `json:"usage"`
}

type llmBody struct {
	System    *string       `json:"system"`
	Messages  []messageBody `json:"messages"`
	MaxTokens *int          `json:"max_tokens"`
}

type messageBody struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
}

func (s *Session) answerLLM(r *http.Request, body json.RawMessage) (json.RawMessage, error) {
	req, err := parseLLM(body)
	if err != nil {
		return nil, err
	}
	if s.config.LLM == nil {
		return nil, errNoModel
	}
	recorded, err := withoutImages(body, req)
	if err != nil {
		return nil, err
	}
	if len(recorded) > maxRequest {
		return nil, tooLarge(maxRequest)
	}
	return s.do(r.Context(), call{kind: KindLLM, body: recorded, live: func(ctx context.Context, _ int) (made, error) {
		reply, err := s.callLLM(ctx, req)
		return made{reply: reply, used: reply.Usage}, err
	}})
}

var errNoModel = Errorf(Unavailable, "call_llm: no model is configured for subagents; set AGENTFACTORY_SUBAGENT_MODEL or AGENTFACTORY_MODEL")

func (s *Session) callLLM(ctx context.Context, req LLMRequest) (LLMReply, error) {
	limit, release, err := s.budget.reserve(int64(req.MaxTokens))
	if err != nil {
		return LLMReply{}, err
	}
	defer release() // once what was spent is booked: no other call may have it in between
	req.MaxTokens = int(limit)
	reply, err := s.config.LLM(ctx, req)
	s.budget.add(reply.Usage)
	return reply, err
}

// toolModel is the model as one call of a tool may use it.
type toolModel struct {
	session *Session

	mu   sync.Mutex
	used Usage
}

func (m *toolModel) llm() LLM {
	if m.session.config.LLM == nil {
		return nil
	}
	return m.call
}

func (m *toolModel) call(ctx context.Context, req LLMRequest) (LLMReply, error) {
	reply, err := m.session.callLLM(ctx, req)
	if unspent(err) {
		m.session.exhausted.Store(true) // whatever the tool makes of it
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used = m.used.Add(reply.Usage)
	return reply, err
}

func (m *toolModel) spent() Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used
}

func parseLLM(body json.RawMessage) (LLMRequest, error) {
	var b llmBody
	if err := decode(body, &b); err != nil {
		return LLMRequest{}, err
	}
	req := LLMRequest{}
	if b.System != nil {
		req.System = *b.System
	}
	if b.MaxTokens != nil {
		if req.MaxTokens = *b.MaxTokens; req.MaxTokens < 1 {
			return LLMRequest{}, Errorf(InvalidRequest, "max_tokens is %d; give 1 or more, or leave it out", req.MaxTokens)
		}
	}
	if len(b.Messages) == 0 && req.System == "" {
		return LLMRequest{}, Errorf(InvalidRequest, "messages is empty; give at least one, such as {\"role\": \"user\", \"content\": \"…\"}")
	}
	for i, m := range b.Messages {
		if m.Role != "system" && m.Role != "user" && m.Role != "assistant" {
			return LLMRequest{}, Errorf(InvalidRequest, "messages[%d].role is %.40q; use system, user or assistant", i, m.Role)
		}
		message, err := m.message(i)
		if err != nil {
			return LLMRequest{}, err
		}
		req.Messages = append(req.Messages, message)
	}
	return req, checkImages(req)
}
