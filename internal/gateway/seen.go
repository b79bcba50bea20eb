package gateway

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Seen lists the tools that were called in a journal, and the hosts that their requests name, both sorted.
func Seen(entries []Entry) (tools, hosts []string) {
	called, reached := map[string]bool{}, map[string]bool{}
	for _, e := range entries {
		if e.Tool != "" {
			called[e.Tool] = true
		}
		var request any
		if json.Unmarshal(e.Request, &request) == nil {
			addHosts(reached, request)
		}
	}
	return slices.Sorted(maps.Keys(called)), slices.Sorted(maps.Keys(reached))
}

// addHosts finds the URLs in a request, wherever the tool has its field for them.
func addHosts(hosts map[string]bool, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if text, ok := value.(string); ok && strings.HasSuffix(name, "url") {
				if u, err := url.Parse(text); err == nil && u.Hostname() != "" {
					hosts[strings.ToLower(u.Hostname())] = true
				}
				continue
			}
			addHosts(hosts, value)
		}
	case []any:
		for _, value := range v {
			addHosts(hosts, value)
		}
	}
}
