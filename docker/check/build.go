package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// builder carries out a Dockerfile in directories: a stage is a directory below root.
// A stage that is complete has a file of its name beside it and is not made again.
//
// What differs from Docker: Debian comes from debootstrap and Go from this machine;
// COPY takes what git knows of the checkout; nothing is cached step by step.
type builder struct {
	checkout, root, mirror string
	out                    io.Writer
	file                   *dockerfile
}

func build(ctx context.Context, b builder, target string) error {
	if os.Geteuid() != 0 || b.root == "" {
		return errors.New("build needs root and -root DIR")
	}
	var err error
	if b.file, err = readDockerfile(filepath.Join(b.checkout, "docker", "Dockerfile")); err != nil {
		return err
	}
	s := b.file.stage(target)
	if s == nil {
		return fmt.Errorf("the Dockerfile has no target %s", target)
	}
	return b.stage(ctx, s)
}

func (b builder) dir(stage string) string { return filepath.Join(b.root, stage) }

func (b builder) stage(ctx context.Context, s *instructions.Stage) error {
	done := b.dir(s.Name) + ".complete"
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	if err := os.RemoveAll(b.dir(s.Name)); err != nil {
		return err
	}
	if err := b.begin(ctx, s); err != nil {
		return fmt.Errorf("stage %s: %w", s.Name, err)
	}
	so := b.file.inherited(s)
	for _, c := range s.Commands {
		if err := b.step(ctx, s, so, c); err != nil {
			return fmt.Errorf("stage %s: %s: %w", s.Name, c.Name(), err)
		}
		so.add(c)
	}
	return os.WriteFile(done, nil, 0o644)
}

// begin fills the directory with what the stage is FROM.
func (b builder) begin(ctx context.Context, s *instructions.Stage) error {
	image, from := b.file.base(*s)
	if image == "scratch" {
		return os.MkdirAll(b.dir(s.Name), 0o755)
	}
	base := filepath.Join(b.root, "debian")
	if from != nil {
		if err := b.stage(ctx, from); err != nil {
			return err
		}
		base = b.dir(from.Name)
	} else if err := b.debian(ctx, base); err != nil {
		return err
	}
	return b.command(ctx, "cp", "-a", "--reflink=auto", base, b.dir(s.Name))
}

// debian is the root of Debian 12 that stands in for the image debian and for what golang is made from.
func (b builder) debian(ctx context.Context, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "etc", "debian_version")); err == nil {
		return nil
	}
	unfinished := dir + ".new"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	args := []string{"--variant=minbase", "bookworm", unfinished}
	if b.mirror != "" {
		args = append(args, b.mirror)
	}
	if err := b.command(ctx, "debootstrap", args...); err != nil {
		return err
	}
	// As in the image: fixes of security are updates that apt sees.
	security := "deb http://deb.debian.org/debian-security bookworm-security main\n"
	if err := os.WriteFile(filepath.Join(unfinished, "etc/apt/sources.list.d/security.list"), []byte(security), 0o644); err != nil {
		return err
	}
	return os.Rename(unfinished, dir)
}

// step carries out one instruction; so is the configuration that those before it have left.
func (b builder) step(ctx context.Context, s *instructions.Stage, so config, command instructions.Command) error {
	switch c := command.(type) {
	case *instructions.RunCommand:
		return b.run(ctx, s, so, c)
	case *instructions.CopyCommand:
		return b.copy(ctx, s, so, c)
	case *instructions.WorkdirCommand:
		return os.MkdirAll(filepath.Join(b.dir(s.Name), c.Path), 0o755)
	}
	return nil // the rest is the image's configuration
}

func (b builder) run(ctx context.Context, s *instructions.Stage, so config, c *instructions.RunCommand) error {
	if err := c.Expand(func(word string) (string, error) { return word, nil }); err != nil {
		return err
	}
	args := []string{"--bind", b.dir(s.Name), "/", "--dev", "/dev", "--proc", "/proc", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
		"--die-with-parent", "--cap-add", "ALL", "--clearenv", "--chdir", cmp.Or(so.workdir, "/")}
	args = append(args, "--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf", "--ro-bind-try", "/etc/hosts", "/etc/hosts", "--ro-bind-try", authorities, insideAuthorities)
	if strings.HasPrefix(so.image, "golang:") {
		mounts, err := b.toolchain(ctx, c)
		if err != nil {
			return err
		}
		args = append(args, mounts...)
	}
	for _, kv := range append(passed(), so.env...) {
		name, value, _ := strings.Cut(kv, "=")
		args = append(args, "--setenv", name, value)
	}
	return b.command(ctx, "bwrap", append(append(args, "--"), shell(c.ShellDependantCmdLine)...)...)
}

// toolchain stands in for what the image golang has: Go, and the caches that the step mounts.
func (b builder) toolchain(ctx context.Context, c *instructions.RunCommand) ([]string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT", "GOMODCACHE", "GOCACHE").Output()
	if err != nil {
		return nil, err
	}
	places := strings.Split(strings.TrimSpace(string(out)), "\n")
	mounts := []string{"--ro-bind", places[0], "/usr/local/go"}
	for _, m := range instructions.GetMounts(c) {
		switch m.Target {
		case "/go/pkg/mod":
			mounts = append(mounts, "--bind", places[1], m.Target)
		case "/root/.cache/go-build":
			mounts = append(mounts, "--bind", places[2], m.Target)
		default:
			return nil, fmt.Errorf("what is mounted at %s?", m.Target)
		}
	}
	return mounts, nil
}

// The authorities that this machine trusts, and where a step finds them: the package ca-certificates writes its own.
const authorities, insideAuthorities = "/etc/ssl/certs/ca-certificates.crt", "/run/authorities.crt"

// passed are the settings by which this machine reaches package registries.
func passed() []string {
	env := []string{"PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "GOPATH=/go",
		"SSL_CERT_FILE=" + insideAuthorities, "PIP_CERT=" + insideAuthorities}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "PIP_INDEX_URL", "GOPROXY", "GOSUMDB", "GONOSUMDB"} {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func (b builder) copy(ctx context.Context, s *instructions.Stage, so config, c *instructions.CopyCommand) error {
	to := filepath.Join(b.dir(s.Name), c.DestPath)
	if !filepath.IsAbs(c.DestPath) {
		to = filepath.Join(b.dir(s.Name), so.workdir, c.DestPath)
	}
	if c.From == "" {
		return b.context(ctx, c.SourcePaths, to)
	}
	if err := b.stage(ctx, b.file.stage(c.From)); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return b.command(ctx, "cp", "-aL", "--no-target-directory", filepath.Join(b.dir(c.From), c.SourcePaths[0]), to)
}

// context copies files of the checkout, which git knows.
func (b builder) context(ctx context.Context, sources []string, to string) error {
	if !slices.Contains(sources, ".") {
		for _, source := range sources {
			if err := b.command(ctx, "cp", filepath.Join(b.checkout, source), to); err != nil {
				return err
			}
		}
		return nil
	}
	const pack = `git -C "$0" ls-files -z | tar -C "$0" --null -T - -c | tar -x --no-same-owner -C "$1"`
	return b.command(ctx, "bash", "-o", "pipefail", "-c", pack, b.checkout, to)
}

func (b builder) command(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = b.out, b.out
	fmt.Fprintf(b.out, "+ %s %s\n", name, strings.Join(args, " "))
	return cmd.Run()
}

func shell(line instructions.ShellDependantCmdLine) []string {
	if line.PrependShell {
		return append([]string{"/bin/sh", "-c"}, line.CmdLine...)
	}
	return line.CmdLine
}
