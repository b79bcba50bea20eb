// Package version says which build of AgentFactory this is. It imports nothing of this project.
package version

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// stamp is set by release builds: -ldflags "-X agentfactory/internal/version.stamp=v1.4.2".
var stamp string

// String is the release, or the commit that was built ("+dirty" when files differed from it), or "unknown".
func String() string {
	info, ok := debug.ReadBuildInfo()
	switch {
	case stamp != "":
		return stamp
	case !ok:
		return "unknown"
	}
	return of(info)
}

// Line is what --version prints of a program.
func Line(program string) string {
	return fmt.Sprintf("%s %s (%s, %s/%s)", program, String(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// of prefers the module's version, which the go command knows of tagged commits and installed modules.
func of(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	revision, dirty := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+dirty"
		}
	}
	return revision + dirty
}
