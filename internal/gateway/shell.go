package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
)

// ShellRequest is a command that a subagent wants to run inside the sandbox.
type ShellRequest struct {
	Command string   `json:"command"`
	Timeout *float64 `json:"timeout"` // seconds; nil: the default of the Python side
}

type shellReply struct {
	Allowed bool `json:"allowed"`
	Call    int  `json:"call"`
}

type shellDone struct {
	Call        int   `json:"call"`
	ExitCode    *int  `json:"exit_code"`
	StdoutBytes int64 `json:"stdout_bytes"`
	StderrBytes int64 `json:"stderr_bytes"`
}

func (s *Session) answerShell(r *http.Request, body json.RawMessage) (json.RawMessage, error) {
	if err := s.granted(ShellCommand); err != nil {
		return nil, err
	}
	if _, err := parseShell(body); err != nil {
		return nil, err
	}
	reply, err := s.do(r.Context(), call{kind: KindShell, tool: ShellCommand, body: body, live: func(_ context.Context, n int) (made, error) {
		return made{reply: shellReply{Allowed: true, Call: n}}, nil
	}})
	if err != nil {
		return nil, err
	}
	return reply, s.commands.allow(reply)
}

func parseShell(body json.RawMessage) (ShellRequest, error) {
	var req ShellRequest
	if err := decode(body, &req); err != nil {
		return req, err
	}
	if strings.TrimSpace(req.Command) == "" {
		return req, Errorf(InvalidRequest, "command is empty")
	}
	if strings.ContainsRune(req.Command, 0) {
		return req, Errorf(InvalidRequest, "command holds a NUL character")
	}
	if req.Timeout != nil && *req.Timeout <= 0 {
		return req, Errorf(InvalidRequest, "timeout is %v; give seconds above 0, or leave it out", *req.Timeout)
	}
	return req, nil
}

func (s *Session) answerShellDone(r *http.Request, body json.RawMessage) (json.RawMessage, error) {
	var done shellDone
	if err := decode(body, &done); err != nil {
		return nil, err
	}
	if done.ExitCode == nil || done.StdoutBytes < 0 || done.StderrBytes < 0 {
		return nil, Errorf(InvalidRequest, "give call, exit_code, stdout_bytes and stderr_bytes")
	}
	if !s.commands.end(done.Call) {
		return nil, Errorf(InvalidRequest, "call %d is no command in progress", done.Call)
	}
	return s.do(r.Context(), call{kind: KindShellDone, tool: ShellCommand, body: body, live: func(context.Context, int) (made, error) {
		return made{reply: struct{}{}}, nil
	}})
}

// commands are the calls of shell_command whose end was not reported yet. The same number may be in progress more than
// once: a rerun may read numbers from the journals of two runs.
type commands struct {
	mu       sync.Mutex
	progress map[int]int
}

func (c *commands) allow(reply json.RawMessage) error {
	var allowed shellReply
	if err := json.Unmarshal(reply, &allowed); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.progress == nil {
		c.progress = map[int]int{}
	}
	c.progress[allowed.Call]++
	return nil
}

func (c *commands) end(call int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.progress[call] == 0 {
		return false
	}
	c.progress[call]--
	return true
}
