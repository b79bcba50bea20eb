package topology

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Program is a command that somebody types.
type Program struct {
	t    testing.TB
	path string
	env  []string
	dir  string
	also []string // flags of every command
}

// Starter is our command line with the settings of the topology.
func (top *Topology) Starter() Program {
	top.t.Helper()
	return top.operator("starter")
}

// operator runs a program of ours as somebody who stands before the servers, with no proxy between.
func (top *Topology) operator(program string) Program {
	top.t.Helper()
	home := top.mkdir("operator")
	env := append(top.settings(top.profile, top.s3Address()), "AGENTFACTORY_DATA="+filepath.Join(home, "data"))
	return Program{t: top.t, path: filepath.Join(top.options.Programs, program), env: env, dir: home}
}

// CLI is Temporal's own command line, with a client certificate.
func (top *Topology) CLI() Program {
	top.t.Helper()
	home := top.mkdir("operator")
	p := Program{t: top.t, path: top.servers.cli, dir: home, env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TEMPORAL_CONFIG_FILE=" + top.profile, "TEMPORAL_PROFILE=production",
	}}
	if top.options.Encrypted {
		p.also = []string{"--codec-endpoint", top.CodecURL()}
	}
	return p
}

func (p Program) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.path, append(args, p.also...)...)
	cmd.Env, cmd.Dir = p.env, p.dir
	return cmd
}

// Try carries out a command.
func (p Program) Try(args ...string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	cmd := p.command(ctx, args...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err = cmd.Run()
	return out.String(), complaint.String(), err
}

// Run carries out a command that must succeed, and returns what it prints.
func (p Program) Run(args ...string) string {
	p.t.Helper()
	out, complaint, err := p.Try(args...)
	require.NoError(p.t, err, "%s %s\n%s%s", filepath.Base(p.path), strings.Join(args, " "), out, complaint)
	return out
}

// Refused carries out a command that must fail, and returns its complaint.
func (p Program) Refused(args ...string) string {
	p.t.Helper()
	out, complaint, err := p.Try(args...)
	require.Error(p.t, err, "%s %s\n%s", filepath.Base(p.path), strings.Join(args, " "), out)
	return out + complaint
}

// JSON reads what a command prints as one document.
func (p Program) JSON(into any, args ...string) {
	p.t.Helper()
	out := p.Run(args...)
	require.NoError(p.t, json.Unmarshal([]byte(out), into), out)
}

// listens succeeds when something accepts connections at an address.
func (top *Topology) listens(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}
