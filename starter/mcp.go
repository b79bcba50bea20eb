package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/spf13/cobra"
	"go.temporal.io/sdk/temporal"

	"agentfactory/activities"
	"agentfactory/internal/mcpserver"
	runs "agentfactory/internal/run"
	"agentfactory/internal/skill"
	"agentfactory/internal/version"
	"agentfactory/workflows"
)

// mcpOptions are the flags of mcp.
type mcpOptions struct {
	only        []string
	provisional bool
	http        string
}

func (a *app) mcpCommand() *cobra.Command {
	o := mcpOptions{}
	cmd := &cobra.Command{
		Use:   "mcp [SKILL…]",
		Short: "Serve saved skills as tools over the Model Context Protocol",
		Long: `Serve saved skills as tools of the Model Context Protocol, over stdio or, with --http, over
streamable HTTP. Each call is a workflow RunSkill: the skill runs in a worker's sandbox,
under the policy and a budget, and its calls are on record. Clients are told when the
library changes. Only mature skills are offered unless --allow-provisional is given.

Exports need none of this: "starter deploy --format mcp" makes a server that runs alone.`,
		Example: `  starter mcp
  starter mcp word-count csv-summary --allow-provisional
  starter mcp --http 127.0.0.1:8931      # http://127.0.0.1:8931/mcp

  {"mcpServers": {"agentfactory": {"command": "starter", "args": ["mcp"]}}}`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.only = args
			return a.mcp(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.provisional, "allow-provisional", false, "offer skills that have not proved themselves yet as well")
	cmd.Flags().StringVar(&o.http, "http", "", "serve HTTP at this address of the machine itself, such as 127.0.0.1:8931, instead of stdio")
	return cmd
}

func (a *app) mcp(ctx context.Context, o mcpOptions) error {
	if o.http != "" {
		at, err := netip.ParseAddrPort(o.http)
		if err != nil || !at.Addr().IsLoopback() {
			return badInput("--http %q: give an address of the machine itself, such as 127.0.0.1:8931; there is no login, so put a proxy with one before it to serve others", o.http)
		}
	}
	c, err := a.open(ctx, wanted{})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.setModel(ctx); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	server, err := mcpserver.New(ctx, mcpserver.Config{
		Skills: func(ctx context.Context) ([]mcpserver.Skill, error) { return c.offered(ctx, o) }, Run: c.runSkill, Log: log, Version: version.String(),
	})
	if err != nil {
		return err
	}
	if o.http != "" {
		return a.serveMCP(ctx, server, o.http)
	}
	err = server.Run(ctx, &mcp.StdioTransport{})
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// offered are the skills that become tools.
func (c *connection) offered(ctx context.Context, o mcpOptions) ([]mcpserver.Skill, error) {
	heads, err := c.Skills.Recent(ctx, 0)
	if err != nil {
		return nil, err
	}
	offered := []mcpserver.Skill{}
	for _, h := range heads {
		if h.Trust != skill.Mature && !o.provisional || len(o.only) > 0 && !slices.Contains(o.only, h.Name) {
			continue
		}
		m, err := c.Skills.Version(ctx, h.Name, h.Version)
		if err != nil {
			return nil, err
		}
		query := m.Interface
		if query == "" {
			query = "the whole sub-task in plain words"
		}
		offered = append(offered, mcpserver.Skill{Name: h.Name, Version: h.Version, Description: h.Description, Query: query})
	}
	return offered, nil
}

// runSkill asks a skill by a workflow. A client that gives up cancels it.
func (c *connection) runSkill(ctx context.Context, s mcpserver.Skill, query string, files []mcpserver.File) (mcpserver.Answer, error) {
	in := workflows.RunSkillInput{Skill: s.Name, Version: s.Version, Query: query}
	for _, f := range files {
		in.Files = append(in.Files, runs.InputFile{Path: f.Path, Text: f.Text})
	}
	id, err := c.start(ctx, workflows.RunSkillType, "", s.Name, in)
	if err != nil {
		return mcpserver.Answer{}, err
	}
	var res activities.RunSkillResult
	err = c.Temporal.GetWorkflow(ctx, id, "").Get(ctx, &res)
	var app *temporal.ApplicationError
	switch {
	case ctx.Err() != nil:
		c.cancelRun(context.WithoutCancel(ctx), id)
		return mcpserver.Answer{}, ctx.Err()
	case errors.As(err, &app):
		return mcpserver.Answer{Failure: app.Message()}, nil
	case err != nil:
		return mcpserver.Answer{}, fmt.Errorf("wait for %s: %w", id, err)
	}
	return mcpserver.Answer{Answer: res.Answer, Summary: res.Summary, Failure: res.Failure}, nil
}

// cancelRun ends a run that nobody waits for any more.
func (c *connection) cancelRun(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, finishWithin)
	defer cancel()
	_ = c.Temporal.CancelWorkflow(ctx, id, "") // its own limits end it otherwise
}

// serveMCP serves clients over HTTP until Ctrl-C.
func (a *app) serveMCP(ctx context.Context, server *mcpserver.Server, address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return badInput("--http: %v", err)
	}
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server.Server }, &mcp.StreamableHTTPOptions{SessionTimeout: time.Hour})
	routes := http.NewServeMux()
	routes.Handle("/mcp", http.NewCrossOriginProtection().Handler(handler)) // no page that a browser shows may call the tools
	web := &http.Server{Handler: routes, ReadHeaderTimeout: 10 * time.Second}
	a.say("serving http://%s/mcp", listener.Addr())
	stop := context.AfterFunc(ctx, func() { web.Close() })
	defer stop()
	if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
