package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
)

// lintCompose loads compose.yaml with the library that `docker compose` loads it with: schema, interpolation,
// references between services. Then it holds it to our own rules.
func lintCompose(ctx context.Context, checkout string) ([]string, error) {
	logrus.SetOutput(io.Discard)
	path := filepath.Join(checkout, "docker", "compose.yaml")
	options, err := cli.NewProjectOptions([]string{path}, cli.WithEnv([]string{passwords[0] + "=x", passwords[1] + "=x"}))
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		return []string{fmt.Sprintf("%s: %v", path, err)}, nil
	}
	var found []string
	for _, name := range slices.Sorted(maps.Keys(project.Services)) {
		for _, problem := range service(project.Services[name]) {
			found = append(found, fmt.Sprintf("%s: service %s: %s", path, name, problem))
		}
		if s := project.Services[name]; strings.HasPrefix(s.Restart, "on-failure") && !awaited(project, name) {
			found = append(found, fmt.Sprintf("%s: service %s: no service waits for its end, so `docker compose up --wait` would fail when it ends", path, name))
		}
	}
	return append(found, withoutPasswords(ctx, path)...), nil
}

// awaited: a service that does its work and ends is another's condition.
func awaited(project *types.Project, name string) bool {
	for _, s := range project.Services {
		if s.DependsOn[name].Condition == types.ServiceConditionCompletedSuccessfully {
			return true
		}
	}
	return false
}

// passwords have no default: a start with ones that everybody knows has to fail.
var passwords = []string{"POSTGRES_PASSWORD", "S3_SECRET_KEY"}

func withoutPasswords(ctx context.Context, path string) []string {
	var found []string
	for i, name := range passwords {
		other := passwords[1-i]
		options, err := cli.NewProjectOptions([]string{path}, cli.WithEnv([]string{other + "=x"}))
		if err == nil {
			_, err = options.LoadProject(ctx)
		}
		if err == nil || !strings.Contains(err.Error(), "docker/up") {
			found = append(found, fmt.Sprintf("%s: without %s it has to fail and name docker/up; it said: %v", path, name, err))
		}
	}
	return found
}

func service(s types.ServiceConfig) []string {
	var found []string
	say := func(format string, a ...any) { found = append(found, fmt.Sprintf(format, a...)) }
	if s.Build == nil && !pinned.MatchString(s.Image) {
		say("image %s: pin it to a version or a digest", s.Image)
	}
	if s.Build != nil {
		if _, err := os.Stat(filepath.Join(s.Build.Context, s.Build.Dockerfile)); err != nil {
			say("build: %v", err)
		}
	}
	if s.Privileged || slices.Contains(s.CapAdd, "SYS_ADMIN") || s.Pid == "host" || s.NetworkMode == "host" {
		say("it has rights over the machine")
	}
	if !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
		say("set no-new-privileges")
	}
	if slices.Contains(s.SecurityOpt, "seccomp=unconfined") {
		say("seccomp is off")
	}
	for _, p := range s.Ports {
		if p.HostIP != "127.0.0.1" {
			say("port %d is published beyond this machine", p.Target)
		}
	}
	for _, v := range s.Volumes {
		if v.Type == types.VolumeTypeBind {
			if _, err := os.Stat(v.Source); err != nil {
				say("volume: %v", err)
			}
		}
	}
	return found
}
