package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) == 0 {
		return errors.New("give lint, build or run; `go doc agentfactory/docker/check` explains them")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	checkout := flags.String("checkout", "../..", "root of the checkout: the build's context")
	root := flags.String("root", "", "directory for the roots of the stages")
	target := flags.String("target", "worker", "target of the Dockerfile")
	mirror := flags.String("mirror", "", "Debian mirror; default: debootstrap's")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "lint":
		return lint(ctx, *checkout, stdout)
	case "build":
		return build(ctx, builder{checkout: *checkout, root: *root, mirror: *mirror, out: stdout}, *target)
	case "run":
		return contain(ctx, *checkout, *root, *target, flags.Args())
	}
	return fmt.Errorf("%s: give lint, build or run", args[0])
}

// lint reports every finding, one a line, and fails if there is one.
func lint(ctx context.Context, checkout string, stdout io.Writer) error {
	var findings []string
	for _, check := range []func(context.Context, string) ([]string, error){lintDockerfile, lintCompose, lintSeccomp} {
		found, err := check(ctx, checkout)
		if err != nil {
			return err
		}
		findings = append(findings, found...)
	}
	for _, f := range findings {
		fmt.Fprintln(stdout, f)
	}
	if len(findings) > 0 {
		return fmt.Errorf("%d findings", len(findings))
	}
	fmt.Fprintln(stdout, "docker: the Dockerfile, compose.yaml and seccomp.json are as they should be")
	return nil
}
