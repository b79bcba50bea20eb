package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
)

// Tool carries out one tool skill outside the sandbox. It is safe for concurrent use. Its errors are treated like those
// of an LLM.
type Tool interface {
	Call(ctx context.Context, r ToolRequest) (ToolReply, error)
}

// ToolFunc makes a function a Tool.
type ToolFunc func(ctx context.Context, r ToolRequest) (ToolReply, error)

// Call implements Tool.
func (f ToolFunc) Call(ctx context.Context, r ToolRequest) (ToolReply, error) { return f(ctx, r) }

// ToolRequest is a call as the subagent made it.
type ToolRequest struct {
	Tool string
	Body json.RawMessage // a JSON object
	// LLM is the model behind call_llm, for this call alone; nil: none is configured. What it spends is booked with each
	// answer, so that the budget holds in the middle of the call, and is part of the Usage of the call's Entry.
	LLM LLM
}

// ToolReply is what a tool found.
type ToolReply struct {
	Body  json.RawMessage // a JSON object
	Usage Usage           // what it spent on models of its own
	Files []string        // paths of the files that it left in the workspace, which a replay leaves again
}

// Run is what a tool may know of the run that it serves.
type Run struct {
	Skill     string // the subagent's skill
	Workspace string // directory on this machine in which the run works
}

// PerRun is a tool that serves each run by an instance of its own, made when the session opens and closed with it. Making
// one costs nothing until it is called.
type PerRun interface {
	Tool
	ForRun(Run) (instance Tool, closeIt func())
}

// ReadOnly tells whether a tool only looks things up, so that calling it once more changes nothing but what it costs. A
// browser may press buttons.
func ReadOnly(tool string) bool { return tool == "web_search" || tool == "web_reading" }

func (s *Session) answerTool(r *http.Request, body json.RawMessage) (json.RawMessage, error) {
	name := r.PathValue("name")
	if name == ShellCommand {
		return nil, Errorf(UnknownTool, "%s is called through /v1/shell", ShellCommand)
	}
	if err := s.granted(name); err != nil {
		return nil, err
	}
	tool := s.tools[name]
	if tool == nil {
		return nil, Errorf(Unavailable, "%s is not configured on this worker; ask whoever runs it, `starter doctor` tells what is missing", name)
	}
	return s.do(r.Context(), call{kind: KindTool, tool: name, body: body, live: func(ctx context.Context, _ int) (made, error) {
		model := &toolModel{session: s}
		reply, err := tool.Call(ctx, ToolRequest{Tool: name, Body: body, LLM: model.llm()})
		s.budget.add(reply.Usage)
		return made{reply.Body, reply.Usage.Add(model.spent()), reply.Files}, err
	}})
}

// granted refuses a tool that does not exist, or that this subagent was not given.
func (s *Session) granted(name string) error {
	if !exists(name, s.config.Tools) {
		return Errorf(UnknownTool, "there is no tool %.60q; there are %v", name, names(s.config.Tools))
	}
	if !slices.Contains(s.config.Granted, name) {
		return Errorf(NotGranted, "%s was not given to this subagent: list %q in its `skills`", name, name)
	}
	return nil
}
