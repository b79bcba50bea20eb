package offlinesite_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/offlinesite"
)

// elsewhere is what is dialled beside the site.
var elsewhere = errors.New("dialled elsewhere")

func dial(context.Context, string, string) (net.Conn, error) { return nil, elsewhere }

func client(t testing.TB) *http.Client {
	transport := &http.Transport{DialContext: offlinesite.Dialer(dial)}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

func get(t testing.TB, c *http.Client, url string) (int, string) {
	t.Helper()
	r, err := c.Get(url)
	require.NoError(t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return r.StatusCode, string(body)
}

func TestItsHostsAreReachedWithinTheProcessAndAllOthersAsBefore(t *testing.T) {
	c := client(t)
	status, page := get(t, c, "http://SHOP.offline.test/")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "<h1>Offline Shop</h1>")
	for _, host := range []string{"offline.test", "shop.offline.test.example.org", "notoffline.test", "127.0.0.1"} {
		_, err := c.Get("http://" + host + "/")
		require.ErrorIs(t, err, elsewhere, host)
	}
	_, err := c.Get("https://shop.offline.test/")
	require.ErrorContains(t, err, "port 80 alone")
	status, page = get(t, c, "http://bank.offline.test/")
	require.Equal(t, http.StatusNotFound, status)
	require.Contains(t, page, "shop.offline.test")
}

func TestADialIsGivenUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 { // the server may be quicker, then there is a connection
		conn, err := offlinesite.Dialer(dial)(ctx, "tcp", "shop.offline.test:80")
		if err == nil {
			conn.Close()
			continue
		}
		require.ErrorIs(t, err, context.Canceled)
	}
}

func TestEveryLinkLeadsToAPage(t *testing.T) {
	c := client(t)
	link := regexp.MustCompile(`href="(/[^"]*)"`)
	for _, host := range []string{"http://shop.offline.test", "http://library.offline.test"} {
		seen, next := map[string]bool{}, []string{"/", "/search?q=lamp", "/search?q=" + "%22%3Cb%3E"}
		if strings.Contains(host, "library") {
			next = []string{"/", "/catalogue?author=Ada+Winter"}
		}
		for len(next) > 0 {
			path := strings.ReplaceAll(next[0], "&amp;", "&")
			if next = next[1:]; seen[path] {
				continue
			}
			seen[path] = true
			status, page := get(t, c, host+path)
			require.Equal(t, http.StatusOK, status, path)
			require.NotContains(t, page, "<b>", "what was searched for is text")
			for _, m := range link.FindAllStringSubmatch(page, -1) {
				next = append(next, m[1])
			}
		}
		require.Greater(t, len(seen), 30, host)
	}
}

func TestResultsComeInPages(t *testing.T) {
	c := client(t)
	_, first := get(t, c, "http://shop.offline.test/search?q=lamp")
	require.Contains(t, first, "page 1 of 4")
	require.NotContains(t, first, "Previous page")
	_, last := get(t, c, "http://shop.offline.test/search?q=lamp&page=99")
	require.Contains(t, last, "page 4 of 4")
	require.NotContains(t, last, "Next page")
	_, none := get(t, c, "http://shop.offline.test/search?q=&page=-1")
	require.Contains(t, none, "0 articles")
}

func TestAPageThatIsNotRunShowsNoPallet(t *testing.T) {
	_, page := get(t, client(t), "http://shop.offline.test/warehouse/north")
	require.NotContains(t, page, "P-2")
	require.NotContains(t, page, "ceramics")
}

func TestItIsOnlyRead(t *testing.T) {
	r, err := client(t).Post("http://shop.offline.test/search", "text/plain", strings.NewReader("x"))
	require.NoError(t, err)
	r.Body.Close()
	require.Equal(t, http.StatusMethodNotAllowed, r.StatusCode)
}

func TestItAnswersManyAtOnceAndAlwaysTheSame(t *testing.T) {
	c := client(t)
	_, want := get(t, c, "http://library.offline.test/branches")
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			_, page := get(t, c, "http://library.offline.test/branches")
			if page != want {
				t.Error("another answer")
			}
		})
	}
	all.Wait()
}
