package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// dockerfile is a Dockerfile as Docker's own parser reads it.
type dockerfile struct {
	stages   []instructions.Stage
	args     map[string]string // the ARGs before the first FROM
	warnings []string          // of the parser and of `docker build --check`'s rules on single instructions
}

func readDockerfile(path string) (*dockerfile, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	tree, err := parser.Parse(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	d := &dockerfile{args: map[string]string{}}
	for _, w := range tree.Warnings {
		d.warn(path, w.Short, []parser.Range{*w.Location})
	}
	rules := linter.New(&linter.Config{Warn: func(rule, _, _, message string, at []parser.Range) { d.warn(path, rule+": "+message, at) }})
	stages, args, err := instructions.Parse(tree.AST, rules)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	d.stages = stages
	for _, a := range args {
		for _, kv := range a.Args {
			d.args[kv.Key] = kv.ValueString()
		}
	}
	return d, nil
}

func (d *dockerfile) warn(path, message string, at []parser.Range) {
	line := 0
	if len(at) > 0 {
		line = at[0].Start.Line
	}
	d.warnings = append(d.warnings, fmt.Sprintf("%s:%d: %s", path, line, message))
}

// base is what a stage begins with: an image, or the stage of that name.
func (d *dockerfile) base(s instructions.Stage) (image string, from *instructions.Stage) {
	image = os.Expand(s.BaseName, func(name string) string { return d.args[name] })
	return image, d.stage(image)
}

func (d *dockerfile) stage(name string) *instructions.Stage {
	for i := range d.stages {
		if strings.EqualFold(d.stages[i].Name, name) {
			return &d.stages[i]
		}
	}
	return nil
}

// lineage is a stage and those that it begins with, the first one first.
func (d *dockerfile) lineage(s *instructions.Stage) []*instructions.Stage {
	if _, from := d.base(*s); from != nil {
		return append(d.lineage(from), s)
	}
	return []*instructions.Stage{s}
}

// pinned is an image with a version of at least two numbers, or a digest.
var pinned = regexp.MustCompile(`:v?\d+\.\d+[\w.-]*$|@sha256:[0-9a-f]{64}$`)

// targets are the stages that become images.
var targets = []string{"worker", "starter", "local"}

func lintDockerfile(_ context.Context, checkout string) ([]string, error) {
	path := filepath.Join(checkout, "docker", "Dockerfile")
	d, err := readDockerfile(path)
	if err != nil {
		return nil, err
	}
	found := d.warnings
	say := func(format string, a ...any) { found = append(found, path+": "+fmt.Sprintf(format, a...)) }
	for _, s := range d.stages {
		if image, from := d.base(s); from == nil && image != "scratch" && !pinned.MatchString(image) {
			say("stage %s begins with %s: pin it to a version or a digest", s.Name, image)
		}
		for _, c := range copies(s) {
			for _, problem := range d.missing(checkout, c) {
				say("stage %s: %s", s.Name, problem)
			}
		}
	}
	for _, name := range targets {
		s := d.stage(name)
		if s == nil {
			say("there is no target %s", name)
			continue
		}
		for _, problem := range d.image(s) {
			say("target %s: %s", name, problem)
		}
	}
	return found, nil
}

func copies(s instructions.Stage) []*instructions.CopyCommand {
	var all []*instructions.CopyCommand
	for _, c := range s.Commands {
		if c, ok := c.(*instructions.CopyCommand); ok {
			all = append(all, c)
		}
	}
	return all
}

// missing says which sources of a COPY are in no stage and not in the checkout.
func (d *dockerfile) missing(checkout string, c *instructions.CopyCommand) []string {
	if c.From != "" {
		if d.stage(c.From) == nil {
			return []string{c.String() + ": there is no stage " + c.From}
		}
		return nil
	}
	var none []string
	for _, source := range c.SourcePaths {
		if there, err := filepath.Glob(filepath.Join(checkout, source)); err != nil || len(there) == 0 {
			none = append(none, fmt.Sprintf("%s: there is no %s in the checkout", c, source))
		}
	}
	return none
}

// image says what a target lacks.
func (d *dockerfile) image(s *instructions.Stage) []string {
	user, health, entry := "", false, false
	for _, s := range d.lineage(s) {
		for _, c := range s.Commands {
			switch c := c.(type) {
			case *instructions.UserCommand:
				user = c.User
			case *instructions.HealthCheckCommand:
				health = true
			case *instructions.EntrypointCommand:
				entry = !c.PrependShell // a shell as first process would not pass SIGTERM on
			}
		}
	}
	var lacks []string
	if id, _, _ := strings.Cut(user, ":"); id == "" || id == "0" || id == "root" {
		lacks = append(lacks, "it runs as root: set USER")
	} else if strings.Trim(id, "0123456789") != "" {
		lacks = append(lacks, "USER is a name: Kubernetes' runAsNonRoot wants a number")
	}
	if !health {
		lacks = append(lacks, "it has no HEALTHCHECK; say NONE if it has no health")
	}
	if !entry {
		lacks = append(lacks, "ENTRYPOINT has to be a list")
	}
	return lacks
}
