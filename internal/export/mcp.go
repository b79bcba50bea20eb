package export

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// mcpRequirement is the official SDK of the Model Context Protocol.
const mcpRequirement = "mcp>=2,<3"

// mcpServer makes a directory with a server that offers a set of skills as tools.
func mcpServer(skills []Skill, o Options) (Artifact, error) {
	skills, err := set(skills)
	if err != nil {
		return Artifact{}, err
	}
	name, err := setName(skills, o)
	if err != nil {
		return Artifact{}, err
	}
	a := Artifact{
		Format: "mcp", Name: name, File: fmt.Sprintf("%s-%s.mcp.zip", name, setDigest(skills)), Skills: refs(skills), Programs: map[string]string{},
	}
	serving, err := wheelModules.ReadFile("python/_server.py")
	if err != nil {
		return Artifact{}, fmt.Errorf("read a module of servers: %w", err)
	}
	t := Tree{}
	t.PutScript("server.py", serverScript(name, skills))
	t.Put("_server.py", serving)
	t.Put("README.md", serverReadme(name, skills))
	var from []Origin
	for _, s := range skills {
		home := path.Join("skills", s.Manifest.Name)
		t.Merge(program(s).Under(home))
		from = append(from, origin(s, o, func(p string) string { return path.Join(home, inProgram(p)) }))
		a.Programs[s.Manifest.Name] = path.Join(name, home, launcherFile(s))
	}
	if err := seal(t, a.Format, from); err != nil {
		return Artifact{}, err
	}
	a.Tree = t.Under(name)
	a.Data, err = a.Tree.Zip()
	return a, err
}

// serverScript is server.py. It declares the packages of all skills, for they run with its Python.
func serverScript(name string, skills []Skill) []byte {
	var b strings.Builder
	b.WriteString("#!/usr/bin/env python3\n" + together(skills).header(mcpRequirement))
	b.WriteString(`"""Offers skills over the Model Context Protocol: python server.py (stdio), python server.py --http 8000 (HTTP)."""
import functools
import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True


def program(skill):
    """The function that calls a skill."""
    folder = os.path.join(HERE, "skills", skill)
    spec = importlib.util.spec_from_file_location("_run", os.path.join(folder, "` + runtimeDir + `", "run.py"))
    runner = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(runner)
    return functools.partial(runner.call, os.path.join(folder, skill + ".py"))


SKILLS = [
    # name, what it does, what the query is
`)
	for _, s := range skills {
		fmt.Fprintf(&b, "    (%s, %s, %s),\n", pythonString(s.Manifest.Name), pythonString(description(s)), pythonString(query(s)))
	}
	fmt.Fprintf(&b, `]

if __name__ == "__main__":
    from _server import Tool, serve

    serve(%s, %s, [Tool(name, what, query, program(name)) for name, what, query in SKILLS])
`, pythonString(name), pythonString(setVersion(skills)))
	return []byte(b.String())
}

// together is what several skills need in one environment.
func together(skills []Skill) needs {
	all := needs{}
	var pythons []string
	for _, s := range skills {
		n := needsOf(s)
		pythons = append(pythons, n.Python)
		all.Packages = append(all.Packages, n.installs()...)
	}
	pythons = append(pythons, ">=3.10") // that of the SDK
	slices.Sort(pythons)
	slices.Sort(all.Packages)
	all.Python, all.Packages = strings.Join(slices.Compact(pythons), ","), slices.Compact(all.Packages)
	return all
}

func serverReadme(name string, skills []Skill) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `# %s

An MCP server with a tool for each skill. It needs Python 3.10 or newer and the packages that `+"`server.py`"+` declares at its top.

    uv run server.py                 # stdio; installs what is needed, into an environment of its own
    python server.py                 # the same with packages that are there: pip install %q …
    python server.py --http 8000     # streamable HTTP at http://127.0.0.1:8000/mcp, without authentication

In the configuration of a host:

    {"mcpServers": {%q: {"command": "uv", "args": ["run", "--script", "DIR/server.py"]}}}

Hosts give a server few variables of their environment: what a skill needs (below) goes into an "env" beside "args".

Each tool takes `+"`query`"+` and returns `+"`answer` and `summary`"+`. A skill works in the directory in which the server was started.
`, title(name), mcpRequirement, name)
	for _, s := range skills {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\nIt needs:\n\n%s\n", s.Manifest.Name, description(s), items(needsOf(s).lines()))
	}
	return []byte(b.String())
}
