package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// config is what a container of a stage gets.
type config struct {
	image             string   // that its first stage is FROM
	env               []string // NAME=value
	user, workdir     string
	entrypoint, plain []string // ENTRYPOINT, CMD
}

func (d *dockerfile) config(s *instructions.Stage) config {
	c := d.inherited(s)
	for _, command := range s.Commands {
		c.add(command)
	}
	return c
}

// inherited is what a stage begins with.
func (d *dockerfile) inherited(s *instructions.Stage) config {
	image, from := d.base(*s)
	if from == nil {
		return config{image: image}
	}
	c := d.config(from)
	c.env = slices.Clip(c.env) // stages that begin with the same one share no array
	return c
}

func (c *config) add(command instructions.Command) {
	switch command := command.(type) {
	case *instructions.EnvCommand:
		for _, kv := range command.Env {
			c.env = append(c.env, kv.Key+"="+kv.Value)
		}
	case *instructions.ArgCommand:
		for _, kv := range command.Args {
			c.env = append(c.env, kv.Key+"="+kv.ValueString())
		}
	case *instructions.UserCommand:
		c.user = command.User
	case *instructions.WorkdirCommand:
		c.workdir = command.Path
	case *instructions.EntrypointCommand:
		c.entrypoint = command.CmdLine
	case *instructions.CmdCommand:
		c.plain = command.CmdLine
	}
}

// masked are paths of /proc that Docker covers. While one is covered the kernel lets nobody inside mount
// another /proc, which is what the sandbox has to live with.
var masked = []string{"/proc/kcore", "/proc/keys", "/proc/timer_list"}

// contain runs a command in a target, isolated like the service `worker` of compose.yaml: its user, no
// capabilities, no_new_privs, a root that cannot be written to, and the seccomp profile. The network is the
// machine's. CHECK_WITHOUT_NAMESPACES=1 takes from the profile what Docker's own forbids.
func contain(ctx context.Context, checkout, root, target string, command []string) error {
	if os.Geteuid() != 0 || root == "" || len(command) == 0 {
		return errors.New("run needs root, -root DIR and a command")
	}
	d, err := readDockerfile(filepath.Join(checkout, "docker", "Dockerfile"))
	if err != nil {
		return err
	}
	s := d.stage(target)
	if s == nil {
		return fmt.Errorf("the Dockerfile has no target %s", target)
	}
	filter, err := filterFile(checkout)
	if err != nil {
		return err
	}
	defer filter.Close()
	c := d.config(s)
	args, err := container(c, filepath.Join(root, target), filepath.Join(root, target+".data"))
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "bwrap", append(args, command...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{filter} // descriptor 3
	return cmd.Run()
}

func container(c config, root, data string) ([]string, error) {
	user, group, _ := strings.Cut(c.user, ":")
	if err := os.MkdirAll(data, 0o755); err != nil {
		return nil, err
	}
	if out, err := exec.Command("chown", "-R", c.user, data).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	args := []string{"--ro-bind", root, "/", "--dev", "/dev", "--proc", "/proc", "--perms", "1777", "--tmpfs", "/tmp", "--perms", "1777", "--tmpfs", "/dev/shm",
		"--bind", data, c.workdir, "--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf", "--ro-bind-try", "/etc/hosts", "/etc/hosts"}
	for _, path := range masked {
		if _, err := os.Stat(path); err == nil {
			args = append(args, "--ro-bind", "/dev/null", path)
		}
	}
	args = append(args, "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent", "--new-session", "--cap-add", "ALL",
		"--clearenv", "--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin", "--chdir", c.workdir, "--seccomp", "3")
	for _, kv := range append(c.env, keep()...) {
		name, value, _ := strings.Cut(kv, "=")
		args = append(args, "--setenv", name, value)
	}
	return append(args, "--", "setpriv", "--reuid", user, "--regid", cmp.Or(group, user), "--clear-groups", "--inh-caps=-all",
		"--bounding-set=-all", "--no-new-privs", "--"), nil
}

// keep are variables of the caller that say what the container is connected to.
func keep() []string {
	var env []string
	for _, kv := range os.Environ() {
		for _, prefix := range []string{"AGENTFACTORY_", "TEMPORAL_", "AWS_", "OPENAI_"} {
			if strings.HasPrefix(kv, prefix) && !strings.HasPrefix(kv, "AGENTFACTORY_TEST_") {
				env = append(env, kv)
			}
		}
	}
	return env
}

func filterFile(checkout string) (*os.File, error) {
	p, err := readProfile(profilePath(checkout))
	if err != nil {
		return nil, err
	}
	if os.Getenv("CHECK_WITHOUT_NAMESPACES") == "1" {
		p.without([]string{"mount", "umount2", "pivot_root", "unshare", "setns"})
	}
	filter, err := p.filter()
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp("", "seccomp-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name()) // open it stays
	if _, err := f.Write(filter); err != nil {
		return nil, err
	}
	_, err = f.Seek(0, 0)
	return f, err
}
