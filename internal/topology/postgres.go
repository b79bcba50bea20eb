package topology

import (
	"context"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/loopback"
)

// startPostgres makes a database cluster that asks for passwords and speaks TLS alone, with the role that Temporal uses.
func (top *Topology) startPostgres() {
	top.t.Helper()
	owner := databaseOwner(top)
	data := top.initDatabase(owner)
	top.Postgres = top.start("postgres", func() *exec.Cmd {
		return owner.command(context.Background(), filepath.Join(top.servers.postgres, "postgres"), "-D", data)
	}, answers(func(ctx context.Context) *exec.Cmd { return top.psql(ctx, "postgres", "SELECT 1") }))
	out, err := top.psql(top.t.Context(), "postgres", "CREATE ROLE temporal LOGIN CREATEDB PASSWORD '"+top.sql.temporal+"'").CombinedOutput()
	require.NoError(top.t, err, "create Temporal's role: %s", out)
}

// initDatabase returns the data directory, which the owner of the processes must be able to reach and nobody else may read.
func (top *Topology) initDatabase(owner account) string {
	top.t.Helper()
	dir := top.mkdir("postgres")
	require.NoError(top.t, os.Chown(dir, owner.uid, owner.gid))
	first := filepath.Join(dir, "password")
	owner.writeFile(top, first, top.sql.superuser)
	data := filepath.Join(dir, "data")
	out, err := owner.command(top.t.Context(), filepath.Join(top.servers.postgres, "initdb"), "-D", data, "-U", "postgres", "--pwfile", first,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync").CombinedOutput() // it is the running server that syncs
	require.NoError(top.t, err, "initdb: %s", out)
	for from, to := range map[string]string{top.tls.server(): "server.crt", top.tls.serverKey(): "server.key"} {
		content, err := os.ReadFile(from)
		require.NoError(top.t, err)
		owner.writeFile(top, filepath.Join(data, to), string(content))
	}
	owner.writeFile(top, filepath.Join(data, "pg_hba.conf"), "hostssl all all 127.0.0.1/32 scram-sha-256\n")
	settings, err := os.OpenFile(filepath.Join(data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(top.t, err)
	defer settings.Close()
	_, err = io.WriteString(settings, "listen_addresses = '127.0.0.1'\nport = "+strconv.Itoa(top.ports.postgres)+"\nunix_socket_directories = ''\nssl = on\n")
	require.NoError(top.t, err)
	return data
}

// psql runs one statement in a database as the superuser, and prints rows as bare lines.
func (top *Topology) psql(ctx context.Context, database, statement string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(top.servers.postgres, "psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "-v", "ON_ERROR_STOP=1", "-c", statement,
		"host=127.0.0.1 port="+strconv.Itoa(top.ports.postgres)+" user=postgres dbname="+database+" connect_timeout=5 sslmode=verify-full sslrootcert="+top.tls.ca())
	cmd.Env = []string{"PGPASSWORD=" + top.sql.superuser, "PATH=" + os.Getenv("PATH")}
	return cmd
}

func (top *Topology) postgresAddress() string { return loopback.Address(top.ports.postgres) }

// account is the user that PostgreSQL runs as: it refuses to run as root.
type account struct {
	uid, gid int
	other    bool // than our own
}

// databaseOwner is the user that Debian's package makes, or ourselves where we are not root.
func databaseOwner(top *Topology) account {
	top.t.Helper()
	if os.Getuid() != 0 {
		return account{uid: os.Getuid(), gid: os.Getgid()}
	}
	u, err := user.Lookup("postgres")
	require.NoError(top.t, err)
	uid, err := strconv.Atoi(u.Uid)
	require.NoError(top.t, err)
	gid, err := strconv.Atoi(u.Gid)
	require.NoError(top.t, err)
	return account{uid, gid, true}
}

func (a account) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = "/", []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	if a.other {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}}
	}
	return cmd
}

func (a account) writeFile(top *Topology, file, content string) {
	top.t.Helper()
	require.NoError(top.t, os.WriteFile(file, []byte(content), 0o600))
	require.NoError(top.t, os.Chown(file, a.uid, a.gid))
}
