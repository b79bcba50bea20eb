package temporalserver

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"agentfactory/internal/embedded/loopback"
)

func start(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	return s
}

func dial(t testing.TB, s *Server) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: s.Address(), Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// waitForGo returns what the signal "go" carries.
func waitForGo(ctx workflow.Context) (string, error) {
	var what string
	workflow.GetSignalChannel(ctx, "go").Receive(ctx, &what)
	return what, nil
}

func work(t testing.TB, c client.Client) {
	t.Helper()
	w := worker.New(c, "queue", worker.Options{})
	w.RegisterWorkflow(waitForGo)
	w.RegisterWorkflow(sequence)
	w.RegisterActivity(increment)
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
}

func TestAWorkflowGoesOnAfterARestartOnOtherPorts(t *testing.T) {
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "with space, 100% and #?")
	first := start(t, Options{Dir: dir})
	run, err := dial(t, first).ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "w", TaskQueue: "queue"}, waitForGo)
	require.NoError(t, err)
	require.NoError(t, first.Stop())

	taken, err := net.Listen("tcp", first.Address())
	require.NoError(t, err)
	defer taken.Close()
	second := start(t, Options{Dir: dir})
	defer second.Stop()
	require.NotEqual(t, first.Address(), second.Address())
	c := dial(t, second)
	work(t, c)
	require.NoError(t, c.SignalWorkflow(ctx, "w", run.GetRunID(), "go", "home"))
	var result string
	require.NoError(t, c.GetWorkflow(ctx, "w", run.GetRunID()).Get(ctx, &result))
	require.Equal(t, "home", result)
}

func TestTheNamespaceIsReadyForUse(t *testing.T) {
	ctx := t.Context()
	s := start(t, Options{Dir: t.TempDir(), SearchAttributes: map[string]enumspb.IndexedValueType{
		"Phase": enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	}})
	defer s.Stop()
	c := dial(t, s)

	namespace, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: Namespace})
	require.NoError(t, err)
	require.Equal(t, 30*24*time.Hour, namespace.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration())

	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: Namespace, SearchAttributes: map[string]enumspb.IndexedValueType{"Tokens": enumspb.INDEXED_VALUE_TYPE_INT}})
	require.NoError(t, err)
	_, err = c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: "queue", SearchAttributes: map[string]any{"Phase": "thinking", "Tokens": 7}}, waitForGo)
	require.NoError(t, err, "attributes can be used at once")
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		found, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: `Phase = "thinking" AND Tokens = 7`})
		require.NoError(t, err)
		require.EqualValues(t, 1, found.GetCount())
	}, 2*time.Minute, 50*time.Millisecond)
}

func TestTheUIIsServed(t *testing.T) {
	s := start(t, Options{Dir: t.TempDir()})
	defer s.Stop()
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		page, err := http.Get("http://" + s.UIAddress() + "/api/v1/namespaces/" + Namespace)
		require.NoError(t, err)
		defer page.Body.Close()
		require.Equal(t, http.StatusOK, page.StatusCode)
	}, 2*time.Minute, 50*time.Millisecond)
}

func TestNothingListensBeyondLoopback(t *testing.T) {
	s := start(t, Options{Dir: t.TempDir()})
	defer s.Stop()
	addresses := listening(t)
	require.GreaterOrEqual(t, len(addresses), 5, "four services and the UI")
	for _, address := range addresses {
		require.True(t, strings.HasPrefix(address, "0100007F:"), address)
	}
}

const tcpListen = "0A" // TCP_LISTEN in the kernel's include/net/tcp_states.h

// listening returns the local addresses of this process's listening TCP sockets as
// /proc/net/tcp shows them.
func listening(t *testing.T) []string {
	sockets := map[string]bool{}
	fds, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, fd := range fds {
		target, _ := os.Readlink("/proc/self/fd/" + fd.Name())
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			sockets[strings.TrimSuffix(inode, "]")] = true
		}
	}
	var addresses []string
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		body, err := os.ReadFile(table)
		require.NoError(t, err)
		for line := range strings.Lines(string(body)) {
			f := strings.Fields(line)
			if len(f) > 9 && f[3] == tcpListen && sockets[f[9]] {
				addresses = append(addresses, f[1])
			}
		}
	}
	return addresses
}

func TestPreferredPortsAreUsed(t *testing.T) {
	ports, err := loopback.Ports(2)
	require.NoError(t, err)
	s := start(t, Options{Dir: t.TempDir(), FrontendPort: ports[0], UIPort: ports[1]})
	defer s.Stop()
	require.Equal(t, "127.0.0.1:"+strconv.Itoa(ports[0]), s.Address())
	require.Equal(t, "127.0.0.1:"+strconv.Itoa(ports[1]), s.UIAddress())
}

func TestADirectoryThatCannotBeUsedIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := Start(context.Background(), Options{Dir: file})
	require.ErrorContains(t, err, "create Temporal's directory: mkdir "+file)
}
