package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const mit = `Copyright (c) 2026 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to
the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY
CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE
SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`

func TestAModuleIsUnderTheLicencesThatLieInItsRoot(t *testing.T) {
	condition := strings.Repeat("Nobody may use this software on a Monday, nor for anything that somebody might think of on a Monday. ", 12)
	gpl, err := os.ReadFile("testdata/gpl.txt")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
		err   string
	}{
		"one that is allowed":            {map[string]string{"LICENSE": mit}, []string{"MIT"}, ""},
		"the same twice":                 {map[string]string{"LICENSE": mit, "COPYING.md": mit}, []string{"MIT"}, ""},
		"one that is not":                {map[string]string{"LICENSE": string(gpl)}, nil, "is under GPL-3.0-or-later, which is not allowed"},
		"one of two that is not":         {map[string]string{"LICENSE": mit, "COPYING": string(gpl)}, nil, "which is not allowed"},
		"none":                           {map[string]string{"README.md": "hello"}, nil, "no licence was found"},
		"a text that nobody knows":       {map[string]string{"LICENSE": condition}, nil, "no licence was found"},
		"a condition that somebody adds": {map[string]string{"LICENSE": mit + condition}, nil, "is the text of a known licence (MIT): read it"},
	} {
		t.Run(name, func(t *testing.T) {
			m := module{Path: "example.org/m", Version: "v1.0.0", Dir: t.TempDir()}
			for file, text := range c.files {
				require.NoError(t, os.WriteFile(filepath.Join(m.Dir, file), []byte(text), 0o644))
			}
			err := m.recognize()
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, m.licences)
		})
	}
}

func TestAReadingHoldsForItsVersionAlone(t *testing.T) {
	m := module{Path: "github.com/golang/freetype", Version: "v0.0.0-20170609003504-e2365dfdc4a0"}
	require.NoError(t, m.recognize())
	require.Equal(t, []string{"FTL"}, m.licences)
	m = module{Path: "github.com/golang/freetype", Version: "v1.0.0", Dir: t.TempDir()}
	require.ErrorContains(t, m.recognize(), "no licence was found")
	require.ErrorContains(t, stale([]module{m})[0], "linked no more")
}

func TestThePageNamesEveryModuleAndCountsTheirLicences(t *testing.T) {
	page := render([]module{
		{Path: "example.org/a", Version: "v1.0.0", licences: []string{"MIT"}},
		{Path: "example.org/b", Version: "v1.2.0", licences: []string{"Apache-2.0", "MIT"}},
	}, []embedding{{Package: "agentfactory/internal/policy", Files: []string{"a.py", "b.py", "default.yaml"}}})
	require.Contains(t, page, "2 modules: Apache-2.0 (1), MIT (2).")
	require.Contains(t, page, "| example.org/b | v1.2.0 | Apache-2.0, MIT |\n")
	require.Contains(t, page, "| `internal/policy` | 2 .py, 1 .yaml |\n")
}
