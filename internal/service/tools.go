package service

import (
	"context"
	"maps"
	"slices"

	"agentfactory/internal/browser"
	"agentfactory/internal/gateway"
	"agentfactory/internal/netguard"
	"agentfactory/internal/offlinesite"
	"agentfactory/internal/web"
)

// toolSet are the tool skills of a worker.
type toolSet struct {
	byName  map[string]gateway.Tool
	offered []string // names of those that work here, for the first message of a run
	browser *browser.Pool
}

// openTools makes the tools. The browser is looked for, and started with the first call that needs it; a tool that is not
// set up tells whoever calls it what is missing. pdf gives the text of an untrusted document.
func openTools(ctx context.Context, p Parts, r rules, n netguard.Networks, pdf func(context.Context, []byte) (string, error)) toolSet {
	c := p.Config
	t := toolSet{offered: []string{gateway.ShellCommand, "web_reading"}}
	places := browser.Places{Driver: c.Browser.Driver, Executable: c.Browser.Executable, StateDir: p.State}
	sessions := browser.OpenSessions(p.State, c.Browser.SessionKey.Reveal())
	own := func(host string) bool { return offlinesite.Serves(host) || n.Own(host) }
	t.browser = browser.New(browser.Config{Places: places, Sessions: sessions, Dial: p.Dial})
	t.byName = map[string]gateway.Tool{
		"web_search": web.NewSearch(web.SearchConfig{BaseURL: c.Tools.Search.BaseURL, APIKey: c.Tools.Search.APIKey.Reveal()}),
		"web_reading": web.NewReading(web.ReadingConfig{
			BaseURL: c.Tools.Reading.BaseURL, APIKey: c.Tools.Reading.APIKey.Reveal(), Allow: n.Admit, Own: own, Permit: r.fetched,
			Dial: offlinesite.Dialer(n.DialContext), PDF: pdf,
		}),
		"browser_automation": t.browser.PerRun(r.inBrowser(sessions)),
	}
	if c.Tools.Search.APIKey != "" {
		t.offered = append(t.offered, "web_search")
	}
	if _, err := browser.Find(ctx, places); err == nil {
		t.offered = append(t.offered, "browser_automation")
	}
	for name, tool := range maps.All(p.Tools) {
		t.byName[name] = tool
		t.offered = append(t.offered, name)
	}
	slices.Sort(t.offered)
	t.offered = slices.Compact(t.offered)
	return t
}
