package topology

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"agentfactory/internal/config"
	"agentfactory/internal/embedded/loopback"
	"agentfactory/internal/service"
)

func (top *Topology) temporalAddress() string {
	return loopback.Address(top.ports.temporal["FRONTEND_PORT"])
}

// startTemporal makes the tables and starts the server with the file that docs/operations.md offers.
func (top *Topology) startTemporal() {
	top.t.Helper()
	for _, store := range []struct{ database, schema string }{{"temporal", "temporal"}, {"temporal_visibility", "visibility"}} {
		top.sqlTool(store.database, "create")
		top.sqlTool(store.database, "setup-schema", "--version", "0.0")
		top.sqlTool(store.database, "update-schema", "--schema-name", "postgresql/v12/"+store.schema)
	}
	env := top.temporalEnv()
	top.Temporal = top.start("temporal", func() *exec.Cmd {
		cmd := exec.Command(top.servers.temporal, "--config-file", filepath.Join(top.module, "docs", "production", "temporal.yaml"), "--allow-no-auth", "start")
		cmd.Env = env
		return cmd
	}, answers(func(ctx context.Context) *exec.Cmd {
		return top.CLI().command(ctx, "operator", "namespace", "describe", "--namespace", "temporal-system")
	}))
}

// shards are few: all of the services share one processor with the rest.
const shards = "4"

func (top *Topology) temporalEnv() []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "TLS_DIR=" + top.tls.dir, "BIND_ON_IP=127.0.0.1", "BROADCAST_ADDRESS=127.0.0.1", "LOG_LEVEL=warn", "NUM_HISTORY_SHARDS=" + shards,
		"POSTGRES_ADDRESS=" + top.through(TemporalToPostgres, top.postgresAddress()), "SQL_PASSWORD=" + top.sql.temporal,
		"DYNAMIC_CONFIG=" + filepath.Join(top.module, "docs", "production", "dynamic.yaml"),
	}
	for name, port := range top.ports.temporal {
		env = append(env, fmt.Sprintf("%s=%d", name, port))
	}
	return env
}

func (top *Topology) sqlTool(database string, args ...string) {
	top.t.Helper()
	host, port, err := net.SplitHostPort(top.postgresAddress())
	require.NoError(top.t, err)
	cmd := exec.CommandContext(top.t.Context(), top.servers.sqlTool, append([]string{
		"--plugin", "postgres12_pgx", "--ep", host, "--port", port, "--user", "temporal", "--db", database, "--tls", "--tls-ca-file", top.tls.ca(),
	}, args...)...)
	cmd.Env = []string{"SQL_PASSWORD=" + top.sql.temporal, "PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	require.NoError(top.t, err, "temporal-sql-tool %v: %s", args, out)
}

// profile is the file by which workers, starter and the Temporal CLI connect.
const profile = `[profile.production]
address = %q
namespace = %q
[profile.production.tls]
server_ca_cert_path = %q
client_cert_path = %q
client_key_path = %q
`

func (top *Topology) writeProfile(name, address string) string {
	top.t.Helper()
	file := top.path(name)
	content := fmt.Sprintf(profile, address, Namespace, top.tls.ca(), top.tls.client(), top.tls.clientKey())
	require.NoError(top.t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

// Client is a connection of the test's own, which encrypts and decrypts payloads as workers do.
func (top *Topology) Client() client.Client {
	top.t.Helper()
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{ConfigFilePath: top.profile, ConfigFileProfile: Namespace, DisableEnv: true})
	require.NoError(top.t, err)
	keys, err := service.PayloadKeys(config.Encryption{PayloadKeysFile: top.payloads})
	require.NoError(top.t, err)
	converters := keys.Converters()
	options.DataConverter, options.FailureConverter = converters.Data, converters.Failure
	c, err := client.DialContext(top.t.Context(), options)
	require.NoError(top.t, err)
	top.t.Cleanup(c.Close)
	return c
}
