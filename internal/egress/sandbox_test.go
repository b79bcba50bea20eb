package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/sandbox"
)

// box is the real sandbox at the level that has a network namespace.
func box(t testing.TB) *sandbox.Runner {
	r, err := sandbox.New(sandbox.Config{StateDir: publicDir(t), Min: sandbox.Namespaced})
	if err != nil && os.Getenv("AGENTFACTORY_TEST_REQUIRE") != "all" {
		t.Skip(err)
	}
	require.NoError(t, err)
	return r
}

func publicDir(t testing.TB) string {
	dir, err := os.MkdirTemp("/var/tmp", "egress-test-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o711))
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// python runs a program behind a proxy and returns what it printed.
func python(t testing.TB, r *sandbox.Runner, p *Proxy, source string, readOnly ...string) string {
	t.Helper()
	dir, err := os.MkdirTemp(r.WorkDir(), "ws-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.WriteFile(filepath.Join(dir, "program.py"), []byte(source), 0o644))
	res, err := r.Run(t.Context(), sandbox.Spec{
		Workspace: dir, Argv: []string{"/usr/bin/python3", "program.py"}, Egress: p, CA: p.CACert(), ReadOnly: readOnly,
		Limits: sandbox.Limits{
			Wall: 5 * time.Minute, CPU: time.Minute, Memory: 512 << 20, Processes: 64, Output: 64 << 10, FileSize: 128 << 20, Disk: 256 << 20,
		},
	})
	require.NoError(t, err)
	require.Equal(t, 0, res.ExitCode, "%s %s%s", res.Reason, res.Stdout, res.Stderr)
	return string(res.Stdout)
}

func lines(printed string) []string { return strings.Split(strings.TrimSpace(printed), "\n") }

// tell defines tell(), which prints what came of a request as a program's author would see it.
const tell = `
import http.client, ssl, urllib.error, urllib.request

def tell(url, data=None, method=None):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, method=method), timeout=120) as reply:
            print(reply.status, reply.read().decode())
    except Exception as e:
        print(type(e).__name__, e)
`

func TestPythonReachesTheWebAsFarAsThePolicyGoes(t *testing.T) {
	w := newWeb(t)
	w.plain(t, "plain.example", echo)
	w.secure(t, "secure.example", echo)
	w.secure(t, "leads.example", http.RedirectHandler("http://169.254.169.254/latest/meta-data/", http.StatusFound))
	w.secure(t, "secret.example", echo)
	w.name("rebinding.example:80", "169.254.169.254:80")
	p, err := New(Config{Dial: w.dial, Roots: w.roots, Journal: NewRecording(nil), Allow: func(ctx context.Context, r Request) error {
		if r.Host == "secret.example" {
			return errors.New("no rule allows this host")
		}
		return onlyReads(ctx, r)
	}})
	require.NoError(t, err)
	printed := python(t, box(t), p, tell+`
tell("http://plain.example/a")
tell("https://secure.example/b")
tell("https://secure.example/c", b"data")
tell("http://plain.example/c", b"data")
tell("https://secret.example/")
tell("https://leads.example/")
tell("http://localhost/")
tell("http://[::ffff:127.0.0.1]/")
tell("http://rebinding.example/")
try:
    c = http.client.HTTPConnection("127.0.0.1", 3128)
    c.set_tunnel("secure.example", 443)
    c.connect()
    c.sock = ssl.create_default_context().wrap_socket(c.sock, server_hostname="secure.example")
    c.request("GET", "/d")
    print(c.getresponse().read().decode())
except Exception as e:
    print(type(e).__name__, e)
`)
	require.Equal(t, []string{
		"200 GET /a ",
		"200 GET /b ",
		"HTTPError HTTP Error 403: POST https://secure.example/c is refused: only reading is allowed",
		"HTTPError HTTP Error 403: POST http://plain.example/c is refused: only reading is allowed",
		"HTTPError HTTP Error 403: GET https://secret.example/ is refused: no rule allows this host",
		"HTTPError HTTP Error 403: GET http://169.254.169.254/latest/meta-data/ is refused: 169.254.169.254 is not a public address; only the public internet may be reached",
		"HTTPError HTTP Error 403: GET http://localhost/ is refused: 127.0.0.1 is not a public address; only the public internet may be reached",
		"HTTPError HTTP Error 403: GET http://[::ffff:127.0.0.1]/ is refused: 127.0.0.1 is not a public address; only the public internet may be reached",
		"HTTPError HTTP Error 403: GET http://rebinding.example/ is refused: 169.254.169.254 is not a public address; only the public internet may be reached",
		"GET /d",
	}, lines(printed))
	summary, err := p.Close()
	require.NoError(t, err)
	require.Equal(t, 11, summary.Requests)
	require.Equal(t, 7, summary.Refused)
}

func TestPythonIsRepeatedWithoutNetwork(t *testing.T) {
	w := newWeb(t)
	w.secure(t, "secure.example", echo)
	r := box(t)
	source := tell + `
tell("https://secure.example/a")
tell("https://secure.example/b", b"sent")
`
	journal := NewRecording(nil)
	first, err := New(Config{Allow: anything, Dial: w.dial, Roots: w.roots, Journal: journal})
	require.NoError(t, err)
	said := python(t, r, first, source)
	_, err = first.Close()
	require.NoError(t, err)
	again, err := New(Config{Allow: anything, Dial: newWeb(t).dial, Journal: NewRecording(journal.Exchanges()), Live: LiveNone})
	require.NoError(t, err)
	require.Equal(t, said, python(t, r, again, source))
	summary, err := again.Close()
	require.NoError(t, err)
	require.Equal(t, Summary{Requests: 2, Replayed: 2, Tunnels: []string{}}, summary)
}

func TestPythonMeetsLimitsAsExceptions(t *testing.T) {
	w := newWeb(t)
	w.plain(t, "plain.example", bytesOf)
	gone := make(chan struct{})
	w.plain(t, "silent.example", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-gone }))
	t.Cleanup(func() { close(gone) }) // before the server waits for it
	p, err := New(Config{Allow: anything, Dial: w.dial, Answer: 200 * time.Millisecond, Limits: Limits{Bytes: 20 << 20, Requests: 6}})
	require.NoError(t, err)
	printed := python(t, box(t), p, tell+`
def size(url):
    try:
        print(len(urllib.request.urlopen(url, timeout=120).read()))
    except Exception as e:
        print(type(e).__name__, str(e)[:70])
size("http://plain.example/12000000")
size("http://silent.example/")
size("http://plain.example/12000000?length")
size("http://plain.example/12000000")
size("http://plain.example/1")
size("http://plain.example/1")
size("http://plain.example/1")
`)
	require.Equal(t, []string{
		"12000000",
		"HTTPError HTTP Error 504: silent.example:80 has not answered in time",
	}, lines(printed)[:2])
	require.Regexp(t, "HTTPError HTTP Error 509: the reply has 12000000 bytes, and this run may receive", lines(printed)[2])
	require.Contains(t, lines(printed)[3], "IncompleteRead")
	require.Regexp(t, "HTTPError HTTP Error 509: this run has sent and received 20971520 bytes", lines(printed)[4])
	require.Regexp(t, "HTTPError HTTP Error 509: this run has made 6 requests, the most", lines(printed)[6])
	_, err = p.Close()
	require.NoError(t, err)
}

func TestPythonMakesManyRequestsAtOnce(t *testing.T) {
	w := newWeb(t)
	w.secure(t, "secure.example", echo)
	p, err := New(Config{Allow: anything, Dial: w.dial, Roots: w.roots, Limits: Limits{PerSecond: 1000}})
	require.NoError(t, err)
	printed := python(t, box(t), p, `
import concurrent.futures, urllib.request
def get(i): return urllib.request.urlopen("https://secure.example/%d" % i, timeout=120).read().decode()
with concurrent.futures.ThreadPoolExecutor(50) as pool:
    print(len(set(pool.map(get, range(50)))))
`)
	require.Equal(t, "50\n", printed)
	_, err = p.Close()
	require.NoError(t, err)
}

// The libraries that people use most, with their own ways to find a proxy and authorities.
func TestOtherProgramsUseTheProxyToo(t *testing.T) {
	w := newWeb(t)
	w.secure(t, "secure.example", echo)
	r := box(t)
	t.Run("curl", func(t *testing.T) {
		_, err := exec.LookPath("/usr/bin/curl")
		if err != nil && os.Getenv("AGENTFACTORY_TEST_REQUIRE") != "all" {
			t.Skip(err)
		}
		require.NoError(t, err)
		p, err := New(Config{Allow: onlyReads, Dial: w.dial, Roots: w.roots})
		require.NoError(t, err)
		defer p.Close()
		require.Equal(t, "GET /c \n403\n", python(t, r, p, `
import subprocess
print(subprocess.check_output(["curl", "-sS", "https://secure.example/c"]).decode())
print(subprocess.check_output(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-d", "x", "https://secure.example/c"]).decode())
`))
	})
	t.Run("requests", func(t *testing.T) {
		dir := publicDir(t)
		if out, err := exec.Command("python3", "-m", "pip", "install", "-q", "--target", dir, "requests").CombinedOutput(); err != nil {
			t.Skipf("no package index here: %s", out)
		}
		require.NoError(t, os.Chmod(dir, 0o755))
		p, err := New(Config{Allow: onlyReads, Dial: w.dial, Roots: w.roots})
		require.NoError(t, err)
		defer p.Close()
		printed := python(t, r, p, fmt.Sprintf(`
import sys; sys.path.insert(0, %q)
import requests
print(requests.get("https://secure.example/r").text)
try:
    requests.post("https://secure.example/r", "x" * 3_000_000).raise_for_status()
except requests.HTTPError as e:
    print(e)
`, dir), dir)
		require.Equal(t, []string{
			"GET /r ",
			"403 Client Error: POST https://secure.example/r is refused: only reading is allowed for url: https://secure.example/r",
		}, lines(printed))
	})
}

func BenchmarkRequest(b *testing.B) {
	w := newWeb(b)
	w.plain(b, "plain.example", echo)
	w.secure(b, "secure.example", echo)
	for _, u := range []string{"http://plain.example/x", "https://secure.example/x"} {
		b.Run(strings.SplitN(u, ":", 2)[0], func(b *testing.B) {
			p, at := w.start(b, func(c *Config) { c.Limits = Limits{Requests: 1 << 40, PerSecond: 1 << 30, Bytes: 1 << 60} })
			c := client(b, p, at)
			for b.Loop() {
				resp, err := c.Get(u)
				require.NoError(b, err)
				_, err = io.Copy(io.Discard, resp.Body)
				require.NoError(b, err)
				resp.Body.Close()
			}
		})
	}
	b.Run("without proxy", func(b *testing.B) {
		c := &http.Client{Transport: &http.Transport{DialContext: w.dial}}
		for b.Loop() {
			resp, err := c.Get("http://plain.example/x")
			require.NoError(b, err)
			_, err = io.Copy(io.Discard, resp.Body)
			require.NoError(b, err)
			resp.Body.Close()
		}
	})
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		p, err := New(Config{Allow: anything, Dial: (&web{}).dial})
		require.NoError(b, err)
		_, err = p.Close()
		require.NoError(b, err)
	}
}
