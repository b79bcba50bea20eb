package skill

import (
	"fmt"
	"slices"
	"strings"
)

// Permissions are what a version was seen to need in the run that made it.
type Permissions struct {
	Tools    []string `json:"tools,omitempty"`    // tool skills that it called, sorted
	Hosts    []string `json:"hosts,omitempty"`    // that it reached, sorted
	Packages []string `json:"packages,omitempty"` // that it declares, without versions, sorted
}

// Beyond lists what p has and base has not, as "tool web_search" or "host example.com". A version that asks for more than the
// one that it replaces is worth a look.
func (p Permissions) Beyond(base Permissions) []string {
	var more []string
	for _, kind := range []struct {
		name      string
		now, then []string
	}{{"tool", p.Tools, base.Tools}, {"host", p.Hosts, base.Hosts}, {"package", p.Packages, base.Packages}} {
		for _, x := range kind.now {
			if !slices.Contains(kind.then, x) {
				more = append(more, fmt.Sprintf("%s %s", kind.name, x))
			}
		}
	}
	return more
}

// String is one line for people.
func (p Permissions) String() string {
	if all := p.Beyond(Permissions{}); len(all) > 0 {
		return strings.Join(all, ", ")
	}
	return "none"
}
