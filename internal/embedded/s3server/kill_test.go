package s3server_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/loopback"
	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/objectstore"
)

// writer creates records and moves a pointer of its own, one after the other, and knows what was acknowledged.
type writer struct {
	id      int
	bucket  objectstore.Store
	created []string // keys whose creation was acknowledged
	moved   int      // the pointer's last acknowledged value
	tried   int      // the last value that was sent
	etag    string
}

func (w *writer) head() string { return fmt.Sprintf("heads/%d.json", w.id) }

// write goes on until a request fails. It tells when a swap was acknowledged, or that none will be.
func (w *writer) write(ctx context.Context, round int, begun func()) {
	begun = sync.OnceFunc(begun)
	defer begun()
	for n := 0; ctx.Err() == nil; n++ {
		key := fmt.Sprintf("records/%d/%d-%06d.json", w.id, round, n)
		if _, err := w.bucket.Create(ctx, key, []byte(strings.Repeat(key, 50))); err != nil {
			return
		}
		w.created = append(w.created, key)
		w.tried = w.moved + 1
		etag, err := w.bucket.Replace(ctx, w.head(), []byte(strconv.Itoa(w.tried)), w.etag)
		if err != nil {
			return
		}
		w.moved, w.etag = w.tried, etag
		begun()
	}
}

// check reads everything back after a kill and takes up the pointer where it is.
func (w *writer) check(t *testing.T) {
	t.Helper()
	for _, key := range w.created {
		obj, err := w.bucket.Get(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, strings.Repeat(key, 50), string(obj.Body))
	}
	head, err := w.bucket.Get(t.Context(), w.head())
	require.NoError(t, err)
	value, err := strconv.Atoi(string(head.Body))
	require.NoError(t, err)
	require.GreaterOrEqual(t, value, w.moved, "an acknowledged swap was lost")
	require.LessOrEqual(t, value, w.tried)
	w.moved, w.etag = value, head.ETag
}

func TestNoAcknowledgedWriteIsLostWhenTheServerIsKilledUnderLoad(t *testing.T) {
	const writers, kills = 16, 4
	o := options(t.TempDir())
	port, err := loopback.Port() // which no connection of somebody else takes while the server is down
	require.NoError(t, err)
	o.Addr = loopback.Address(port)
	server := start(t, o)
	store := bucket(t, server)
	all := make([]*writer, writers)
	for i := range all {
		all[i] = &writer{id: i, bucket: store}
		etag, err := store.Create(t.Context(), all[i].head(), []byte("0"))
		require.NoError(t, err)
		all[i].etag = etag
	}
	for round := range kills {
		killUnderLoad(t, server, all, round)
		server = start(t, o)
		for _, w := range all {
			w.check(t)
		}
	}
	records := 0
	for _, w := range all {
		records += len(w.created)
		require.Positive(t, w.moved)
	}
	t.Logf("%d acknowledged records and their swaps over %d kills, none lost", records, kills)
}

func killUnderLoad(t *testing.T, server *s3server.Server, all []*writer, round int) {
	t.Helper()
	var wg, begun sync.WaitGroup
	begun.Add(len(all))
	for _, w := range all {
		wg.Go(func() { w.write(t.Context(), round, begun.Done) })
	}
	begun.Wait()
	time.Sleep(300 * time.Millisecond) // in the middle of what each of them does
	require.NoError(t, syscall.Kill(server.Pid(), syscall.SIGKILL))
	<-server.Done()
	wg.Wait()
}
