// Licences finds out under which licences the programs are that end up in our binaries,
// and holds them to a list of those that may. A module whose licence is not recognized,
// or not on the list, has to be looked at by a person once.
//
//	go run ./internal/licences            # checks, and that docs/licences.md is up to date
//	go run ./internal/licences -write     # writes docs/licences.md
//
// It reads the files of the modules as the go command has them; it imports nothing of the
// project, and nothing imports it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
)

// programs are what is handed out.
var programs = []string{"./worker", "./starter"}

const page = "docs/licences.md"

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("licences", flag.ContinueOnError)
	write := flags.Bool("write", false, "write "+page)
	if err := flags.Parse(args); err != nil {
		return err
	}
	modules, embedded, err := linked(programs)
	if err != nil {
		return err
	}
	var problems []error
	for i := range modules {
		problems = append(problems, modules[i].recognize())
	}
	if err := errors.Join(append(problems, stale(modules)...)...); err != nil {
		return err
	}
	text := render(modules, embedded)
	if *write {
		return os.WriteFile(page, []byte(text), 0o644)
	}
	if have, err := os.ReadFile(page); err != nil || string(have) != text {
		return fmt.Errorf("%s is not up to date: run `go run ./internal/licences -write` and look at what changed", page)
	}
	fmt.Fprintf(stdout, "licences: %d modules, all under licences that are allowed\n", len(modules))
	return nil
}

// stale are readings of modules that are not linked any more, or in another version.
func stale(modules []module) []error {
	var problems []error
	for id := range byHand {
		if !slices.ContainsFunc(modules, func(m module) bool { return m.id() == id }) {
			problems = append(problems, fmt.Errorf("%s is in byHand and linked no more: take it out", id))
		}
	}
	return problems
}
