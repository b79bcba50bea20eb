package main

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

const heading = "# Licences\n\n" +
	"Modules of which packages are linked into `worker` or `starter`, as `go run ./internal/licences` finds them: it reads the licence files\n" +
	"of each module (google/licensecheck) and fails on one that it does not know or that is not on its list. The page is made by it.\n"

const ours = `
## Files of ours that are built in

| package | files |
|---|---|
`

const rest = `
They were written for this project. The recordings (.mp3) were made with espeak-ng from texts of our own; the licence of espeak-ng
(GPL-3.0-or-later) covers the program and not what it says, see the README beside them. The repository itself has no licence file
yet: which one is for its owner to say.

## What the images add

| what | from | licence |
|---|---|---|
| bubblewrap, Chromium, Python, tini, fonts, … | Debian 12 | in ` + "`/usr/share/doc/*/copyright`" + ` of the image |
| uv | PyPI | Apache-2.0 or MIT, by choice |
| the Playwright driver with its Node.js | PyPI | Apache-2.0; Node.js: MIT and those in ` + "`/opt/playwright/LICENSE`" + ` |
`

// render is docs/licences.md.
func render(modules []module, embedded []embedding) string {
	counts := map[string]int{}
	var b strings.Builder
	for _, m := range modules {
		for _, l := range m.licences {
			counts[l]++
		}
	}
	names := make([]string, 0, len(counts))
	for l, n := range counts {
		names = append(names, fmt.Sprintf("%s (%d)", l, n))
	}
	slices.Sort(names)
	fmt.Fprintf(&b, "%s\n%d modules: %s.\n\n| module | version | licence |\n|---|---|---|\n", heading, len(modules), strings.Join(names, ", "))
	for _, m := range modules {
		note := ""
		if known, ok := byHand[m.id()]; ok {
			note = " (" + known.reason + ")"
		}
		fmt.Fprintf(&b, "| %s | %s | %s%s |\n", m.Path, m.Version, strings.Join(m.licences, ", "), note)
	}
	b.WriteString(ours)
	for _, e := range embedded {
		fmt.Fprintf(&b, "| `%s` | %s |\n", strings.TrimPrefix(e.Package, "agentfactory/"), kinds(e.Files))
	}
	return b.String() + rest
}

// kinds counts files by extension: a new kind of file is seen in the page.
func kinds(files []string) string {
	counts := map[string]int{}
	for _, f := range files {
		counts[path.Ext(f)]++
	}
	var list []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, fmt.Sprintf("%d %s", counts[kind], kind))
	}
	return strings.Join(list, ", ")
}
