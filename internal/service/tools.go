package service

import (
	"context"
	"maps"
	"slices"

	"agentfactory/internal/browser"
	"agentfactory/internal/gateway"
)

// toolSet are the tool skills of a worker.
type toolSet struct {
	byName  map[string]gateway.Tool
	offered []string // names of those that work here, for the first message of a run
	browser *browser.Pool
}

// openTools makes the tools. The browser is looked for, and started with the first call that needs it.
func openTools(ctx context.Context, p Parts) toolSet {
	t := toolSet{byName: map[string]gateway.Tool{}, offered: []string{gateway.ShellCommand}}
	places := browser.Places{StateDir: p.State}
	t.browser = browser.New(browser.Config{Places: places})
	t.byName["browser_automation"] = browserTool{t.browser}
	if _, err := browser.Find(ctx, places); err == nil {
		t.offered = append(t.offered, "browser_automation")
	}
	maps.Copy(t.byName, p.Tools)
	t.offered = append(t.offered, slices.Collect(maps.Keys(p.Tools))...)
	slices.Sort(t.offered)
	t.offered = slices.Compact(t.offered)
	return t
}

// browserTool serves each run by browser sessions of its own.
type browserTool struct{ pool *browser.Pool }

// ForRun implements gateway.PerRun.
func (b browserTool) ForRun(r gateway.Run) (gateway.Tool, func()) {
	return b.pool.ForRun(browser.Run{Workspace: r.Workspace, LLM: r.LLM})
}

// Call implements gateway.Tool for a caller that serves no run: nobody.
func (browserTool) Call(context.Context, gateway.ToolRequest) (gateway.ToolReply, error) {
	return gateway.ToolReply{}, gateway.Errorf(gateway.Unavailable, "browser_automation works within a run alone")
}
