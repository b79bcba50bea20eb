package policy

import (
	"net/netip"
	"path"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// functions are what conditions can call beside CEL's own.
func functions() []cel.EnvOption {
	return []cel.EnvOption{
		cel.Function("host_in", cel.Overload("host_in_list", []*cel.Type{cel.StringType, cel.ListType(cel.StringType)}, cel.BoolType,
			cel.BinaryBinding(func(host, list ref.Val) ref.Val { return types.Bool(anyOf(list, goString(host), hostMatches)) }))),
		cel.Function("glob", cel.Overload("glob_string", []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType,
			cel.BinaryBinding(func(name, pattern ref.Val) ref.Val { return types.Bool(globMatches(goString(name), goString(pattern))) })),
			cel.Overload("glob_list", []*cel.Type{cel.StringType, cel.ListType(cel.StringType)}, cel.BoolType,
				cel.BinaryBinding(func(name, list ref.Val) ref.Val { return types.Bool(anyOf(list, goString(name), globMatches)) }))),
		cel.Function("is_private", cel.Overload("is_private_string", []*cel.Type{cel.StringType}, cel.BoolType,
			cel.UnaryBinding(func(host ref.Val) ref.Val { return types.Bool(private(goString(host))) }))),
		cel.Function("leaves_workspace", cel.Overload("leaves_workspace_string", []*cel.Type{cel.StringType}, cel.BoolType,
			cel.UnaryBinding(func(name ref.Val) ref.Val { return types.Bool(leavesWorkspace(goString(name))) }))),
	}
}

// goString is the Go string of a value that the type checker has found to be a string.
func goString(v ref.Val) string {
	s, _ := v.Value().(string)
	return s
}

// anyOf tells whether the text fits any pattern of a list.
func anyOf(list ref.Val, text string, fits func(text, pattern string) bool) bool {
	patterns, ok := list.(traits.Lister)
	if !ok {
		return false
	}
	for it := patterns.Iterator(); it.HasNext() == types.True; {
		if fits(text, goString(it.Next())) {
			return true
		}
	}
	return false
}

// hostMatches tells whether a host is the one named; *.example.org stands for every name below example.org, not for itself.
func hostMatches(host, pattern string) bool {
	host, pattern = normalHost(host), normalHost(pattern)
	if below, is := strings.CutPrefix(pattern, "*."); is {
		return strings.HasSuffix(host, "."+below) && below != ""
	}
	return host != "" && host == pattern
}

// normalHost is a host as rules compare it: without brackets and final dot, in small letters.
func normalHost(host string) string {
	return strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
}

// globMatches is path.Match, where * may also stand for a slash at the end of the pattern: "data/*" holds all below data.
func globMatches(name, pattern string) bool {
	if dir, is := strings.CutSuffix(pattern, "/*"); is && !strings.ContainsAny(dir, `*?[\`) {
		return strings.HasPrefix(name, dir+"/")
	}
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

// private tells a host that is not on the public internet by its name: addresses that are no global ones, in whatever
// spelling, and names that only a local network knows. A public name may still lead to a private address; whoever connects
// checks that after resolving it.
func private(host string) bool {
	host = normalHost(host)
	if ip, err := netip.ParseAddr(host); err == nil {
		ip = ip.Unmap()
		return !ip.IsGlobalUnicast() || ip.IsPrivate() || shared.Contains(ip)
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch last {
	case "localhost", "local", "internal", "lan", "home", "corp", "localdomain":
		return true
	}
	// Top-level domains are words: a number at the end is an address in a spelling such as 2130706433 or 0x7f.1.
	return !strings.Contains(host, ".") || last == "" || last[0] >= '0' && last[0] <= '9' || strings.HasSuffix(host, ".home.arpa")
}

// shared is the address space that carriers use behind their translators (RFC 6598), where clouds keep services too.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// leavesWorkspace tells a path that is absolute or climbs out.
func leavesWorkspace(name string) bool {
	clean := path.Clean(strings.ReplaceAll(name, `\`, "/"))
	return path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") || strings.HasPrefix(name, "~")
}
