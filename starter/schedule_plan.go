package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"mvdan.cc/sh/v3/syntax"

	"agentfactory/internal/objectstore"
	runs "agentfactory/internal/run"
)

// schedulable are the commands that a schedule can start.
func (a *app) schedulable() []startable {
	return []startable{a.solveCommand(), a.installCommand(), a.evolveCommand(), a.deployCommand(), a.evaluateCommand()}
}

// schedulableNames lists them for people.
func (a *app) schedulableNames() string {
	var names []string
	for _, s := range a.schedulable() {
		names = append(names, s.Name())
	}
	return strings.Join(names, ", ")
}

// ofOneRun are flags that make no sense for runs that begin again and again with nobody watching.
var ofOneRun = []string{"id", "detach", "watch", "out", "force", "sign"}

// planScheduled is the run that a command line describes, as the command itself would start it.
func (a *app) planScheduled(line []string) (startPlan, error) {
	commands := a.schedulable()
	i := slices.IndexFunc(commands, func(s startable) bool { return s.Name() == line[0] })
	if i < 0 {
		return startPlan{}, badInput("a schedule cannot start %q: give one of %s behind --", line[0], a.schedulableNames())
	}
	s := commands[i]
	parent := &cobra.Command{Use: "starter"} // for its messages
	parent.AddCommand(s.Command)
	if err := s.ParseFlags(line[1:]); errors.Is(err, pflag.ErrHelp) {
		return startPlan{}, badInput("`%s --help` tells about the command", s.CommandPath())
	} else if err != nil {
		return startPlan{}, flagError(s.Command, err)
	}
	for _, name := range ofOneRun {
		if s.Flags().Changed(name) {
			return startPlan{}, badInput("--%s is of no use in a schedule: its runs are called NAME-<time>, and `starter runs` and `starter deploy --watch` show what came of them", name)
		}
	}
	args := s.Flags().Args()
	if err := s.ValidateArgs(args); err != nil {
		return startPlan{}, err
	}
	return s.plan(args)
}

// upload puts all files into the store: a schedule keeps its input for as long as it lives, and is listed with it.
func (files inputFiles) upload(ctx context.Context, blobs *objectstore.Blobs) ([]runs.InputFile, error) {
	var inputs []runs.InputFile
	for _, f := range files {
		in, err := f.upload(ctx, blobs)
		if err != nil {
			return nil, f.failed(err)
		}
		inputs = append(inputs, *in)
	}
	return inputs, nil
}

// commandLine writes a command as one would type it.
func commandLine(line []string) string {
	words := []string{"starter"}
	for _, word := range line {
		quoted, err := syntax.Quote(word, syntax.LangPOSIX)
		if err != nil { // what no shell could be given; then it is there to be read
			quoted = oneLine(word)
		}
		words = append(words, quoted)
	}
	return clip(strings.Join(words, " "), maxCommandLine)
}

const maxCommandLine = 500 // characters; it is kept in a memo, which every listing carries
