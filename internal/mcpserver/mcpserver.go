// Package mcpserver offers saved skills as tools of the Model Context Protocol. It knows neither the library nor how skills are
// run: both are given to it.
package mcpserver

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Skill is one tool.
type Skill struct {
	Name        string
	Version     int
	Description string
	Query       string // what it wants to be asked
}

// File is put into the workspace of a run.
type File struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

// Answer is what came of a run.
type Answer struct {
	Answer  string `json:"answer"`
	Summary string `json:"summary"`
	Failure string `json:"-"` // why there is none
}

// Config says what is offered.
type Config struct {
	Version string // of this program
	// Skills lists what is offered now. It is asked before the first client is served, and then every Refresh.
	Skills  func(ctx context.Context) ([]Skill, error)
	Refresh time.Duration // default 10 s
	// Run asks a skill. An error is ours; a skill that fails says so in the answer.
	Run func(ctx context.Context, s Skill, query string, files []File) (Answer, error)
	Log *slog.Logger
}

// Server is a server whose tools follow the library: clients are told when they change.
type Server struct {
	*mcp.Server
	config Config

	mu      sync.Mutex
	offered map[string]Skill
}

// New lists the skills once and goes on to do so until ctx ends.
func New(ctx context.Context, c Config) (*Server, error) {
	if c.Refresh == 0 {
		c.Refresh = 10 * time.Second
	}
	s := &Server{config: c, offered: map[string]Skill{}}
	s.Server = mcp.NewServer(&mcp.Implementation{Name: "agentfactory", Title: "AgentFactory", Version: c.Version}, &mcp.ServerOptions{
		Instructions: "Each tool is a saved skill: a program that has proved itself. Ask it in the way that its query parameter describes.",
		Logger:       c.Log, HasTools: true,
	})
	if err := s.sync(ctx); err != nil {
		return nil, err
	}
	go s.follow(ctx)
	return s, nil
}

func (s *Server) follow(ctx context.Context) {
	tick := time.NewTicker(s.config.Refresh)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.sync(ctx); err != nil && ctx.Err() == nil {
				s.config.Log.WarnContext(ctx, "the library cannot be read; the tools stay as they are", "error", err)
			}
		}
	}
}

// sync makes the tools those that the library has now.
func (s *Server) sync(ctx context.Context) error {
	skills, err := s.config.Skills(ctx)
	if err != nil {
		return fmt.Errorf("list the skills: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := maps.Clone(s.offered)
	for _, k := range skills {
		delete(gone, k.Name)
		if s.offered[k.Name] == k {
			continue
		}
		s.offered[k.Name] = k
		s.AddTool(k.tool(), s.handler(k))
	}
	for name := range gone {
		delete(s.offered, name)
	}
	s.RemoveTools(slices.Collect(maps.Keys(gone))...)
	return nil
}

// tool describes a skill to a client.
func (k Skill) tool() *mcp.Tool {
	return &mcp.Tool{Name: k.Name, Description: k.Description, InputSchema: map[string]any{
		"type": "object", "required": []string{"query"}, "additionalProperties": false,
		"properties": map[string]any{
			"query": map[string]any{"type": "string", "description": k.Query},
			"files": map[string]any{
				"type": "array", "description": "text files that it finds in its working directory",
				"items": map[string]any{
					"type": "object", "required": []string{"path", "text"}, "additionalProperties": false,
					"properties": map[string]any{"path": map[string]any{"type": "string"}, "text": map[string]any{"type": "string"}},
				},
			},
		},
	}}
}

type arguments struct {
	Query string `json:"query"`
	Files []File `json:"files"`
}

func (s *Server) handler(k Skill) mcp.ToolHandler {
	return func(ctx context.Context, r *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		var args arguments
		if err := json.Unmarshal(r.Params.Arguments, &args); err != nil {
			return failed(fmt.Sprintf("the arguments cannot be read: %v", err)), nil
		}
		answer, err := s.config.Run(ctx, k, args.Query, args.Files)
		if err != nil {
			return failed(err.Error()), nil
		}
		if answer.Failure != "" {
			return failed(answer.Failure), nil
		}
		text, err := json.Marshal(answer)
		if err != nil {
			return nil, err
		}
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: string(text)}}, StructuredContent: answer}, nil
	}
}

// failed tells the client's model what went wrong, so that it can ask in another way.
func failed(why string) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: why}}, IsError: true}
}
