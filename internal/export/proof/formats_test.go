package proof_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/egress"
	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/export"
	"agentfactory/internal/export/proof"
	"agentfactory/internal/gateway"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/sandbox"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

// researcher uses everything that can be recorded.
const researcher = `"""Answers a question about a topic, which is the query."""
import urllib.request

from llm import call_llm
from text.lines import joined
from tools import ToolError, shell_command, web_reading, web_search


def main(query):
    found = web_search(query, num=3)
    page = web_reading(found[0]["link"])
    try:
        web_reading("https://gone.example/x")
    except ToolError as e:
        lost = e.code
    said = call_llm("Be brief.", "What is " + query + "?\n" + page, max_tokens=50)
    plain = urllib.request.urlopen("http://data.example/x").read().decode()
    counted = shell_command("wc -w < in.txt")["stdout"].strip()
    print("this is not the answer")
    with open("report.txt", "w") as f:
        f.write(said)
    return {"answer": joined([found.answer, page.title, said, plain, counted, lost]), "summary": "done"}
`

func researching(t testing.TB, s skillstore.Store) export.Skill {
	t.Helper()
	m, err := s.AddVersion(t.Context(), skillstore.Draft{
		Name: "topic-research", Description: "Answers questions about a topic.", EntryFile: "research.py", Interface: "the topic",
		Tools: []string{"web_search", "web_reading", "shell_command"},
		Files: map[string][]byte{
			"research.py": []byte(researcher), "text/__init__.py": nil,
			"text/lines.py": []byte("#!/usr/bin/env python3\ndef joined(parts):\n    return ' | '.join(parts)\n"), "data/ünï.bin": {0, 255, 13, 10},
		},
	})
	require.NoError(t, err)
	_, err = s.Promote(t.Context(), skillstore.Promotion{Name: m.Name, Version: m.Version, PromotionID: "p"})
	require.NoError(t, err)
	loaded, err := export.Library{Skills: s}.Load(t.Context(), m.Name, 0)
	require.NoError(t, err)
	return loaded
}

func recorded(t testing.TB) export.Case {
	data := egress.Request{Method: "GET", URL: "http://data.example/x", Host: "data.example", Port: 80}
	c := pastCase("the moon", "it circles | Moon | a satellite | tides | 3 | unavailable",
		call(t, 1, gateway.KindTool, "web_search", object{"query": "the moon", "num": 3}, object{"results": []object{{"title": "Moon", "link": "https://moon.example/", "snippet": "s"}}, "answer": "it circles"}),
		call(t, 2, gateway.KindTool, "web_reading", object{"url": "https://moon.example/"}, object{"text": "It is round.", "title": "Moon", "url": "https://moon.example/"}),
		call(t, 3, gateway.KindTool, "web_reading", object{"url": "https://gone.example/x"}, gateway.Errorf(gateway.Unavailable, "gone.example answered 404 Not Found")),
		call(t, 4, gateway.KindLLM, "", object{"system": "Be brief.", "messages": []object{{"role": "user", "content": "What is the moon?\nIt is round."}}, "max_tokens": 50}, object{"text": "a satellite"}),
		call(t, 5, gateway.KindHTTP, "", data, egress.Exchange{Request: data, Status: 200, Body: []byte("tides")}),
		call(t, 6, gateway.KindShell, "", object{"command": "wc -w < in.txt"}, object{"allowed": true, "call": 6}),
	)
	c.Files = map[string][]byte{"in.txt": []byte("a b c")}
	c.Output.Files = []skill.File{{Path: "report.txt", Digest: string(digestOf("a satellite")), Size: 11}}
	return c
}

// What is shipped has been seen to work, in every format that runs; one that does not work is not proved.
func TestEveryFormatIsProvedOnTheCasesOfItsSkill(t *testing.T) {
	p := newProver(t, sandbox.None)
	s := researching(t, skillstore.New(s3test.Bucket(t)))
	s.Cases = []export.Case{recorded(t)}
	for _, f := range export.Formats() {
		a, err := f.Make([]export.Skill{s}, export.Options{})
		require.NoError(t, err)
		program, runs := a.Programs["topic-research"]
		if !runs {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			r, err := p.Prove(t.Context(), a.Tree, program, s)
			require.NoError(t, err)
			require.Equal(t, proof.Proved, r.Outcome, "%+v", r)
			require.Equal(t, "same", r.Cases[0].By)

			broken := export.Tree{}
			for path, file := range a.Tree {
				file.Data = []byte(strings.ReplaceAll(string(file.Data), "' | '", "' / '"))
				broken[path] = file
			}
			r, err = p.Prove(t.Context(), broken, program, s)
			require.NoError(t, err)
			require.Equal(t, proof.Failed, r.Outcome, "%+v", r)
		})
	}
}

// Exporting, importing and exporting again gives the same version, and the same bytes.
func TestExportsGoRoundInACircle(t *testing.T) {
	s := researching(t, skillstore.New(s3test.Bucket(t)))
	for _, f := range export.Formats() {
		a, err := f.Make([]export.Skill{s}, export.Options{})
		require.NoError(t, err)
		if f.Name == "prompt" {
			continue // it holds no code
		}
		t.Run(f.Name, func(t *testing.T) {
			at := filepath.Join(t.TempDir(), a.File)
			require.NoError(t, os.WriteFile(at, a.Data, 0o600))
			found, err := skillstore.ImportPath(at)
			require.NoError(t, err)
			require.Len(t, found, 1)
			require.Empty(t, found[0].Changes)

			elsewhere := skillstore.New(s3test.Bucket(t))
			m, err := elsewhere.AddVersion(t.Context(), found[0].Draft)
			require.NoError(t, err)
			require.Equal(t, s.Manifest.Digest, m.Digest)
			for path, data := range s.Code {
				back, err := elsewhere.File(t.Context(), m.Name, m.Version, path)
				require.NoError(t, err)
				require.Equal(t, string(data), string(back), path)
			}
			back := s
			back.Manifest.Files = m.Files
			again, err := f.Make([]export.Skill{back}, export.Options{})
			require.NoError(t, err)
			require.Equal(t, a.Data, again.Data)
		})
	}
}

func digestOf(text string) objectstore.Digest { return objectstore.DigestOf([]byte(text)) }
