package pyruntime

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/sandbox"
)

func TestAToolThatWasNotGivenCannotBeImported(t *testing.T) {
	for name, c := range map[string]struct {
		code    string
		granted []string
		message string
	}{
		"none is given":      {"from tools import web_search", nil, "web_search was not given to this subagent: list \"web_search\" in its `skills` (it lists none)"},
		"another is given":   {"from tools import web_search, shell_command", []string{"web_search"}, "list \"shell_command\" in its `skills` (it lists web_search)"},
		"by its old name":    {"from tools import search_serper", []string{"web_reading"}, "search_serper was not given to this subagent: list \"web_search\""},
		"through the module": {"import tools\ntools.web_reading", nil, "list \"web_reading\""},
		"one that is not":    {"from tools import teleport", nil, "there is no tool teleport; there are browser_automation, shell_command, web_reading, web_search"},
	} {
		t.Run(name, func(t *testing.T) {
			eachLevel(t, func(t *testing.T, rt *Runtime) {
				res := runCode(t, rt, c.code+"\ndef main(q): pass", func(call *Call) { call.Granted = c.granted })
				require.NotNil(t, res.Failure)
				require.Equal(t, ImportError, res.Failure.Kind)
				require.Contains(t, res.Failure.Message, c.message)
			})
		})
	}
}

// pixel is a PNG of one pixel.
var pixel, _ = base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=")

// recorder answers every call and keeps what was asked.
func recorder(asked *[]map[string]any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := map[string]any{}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
		body["path"] = r.URL.Path
		*asked = append(*asked, body)
		json.NewEncoder(w).Encode(map[string]any{"text": "answer"})
	})
}

func TestImagesAndAudioOfTheWorkspaceAreHandedToTheGateway(t *testing.T) {
	eachLevel(t, func(t *testing.T, rt *Runtime) {
		var asked []map[string]any
		dir := workspaceOf(t, rt, map[string]string{"in/pixel.png": string(pixel), "in/talk.mp3": "sound", "subagent.py": `
import base64, os
from llm import call_llm, transcribe
def main(query):
    url = "data:image/png;base64," + base64.b64encode(open("in/pixel.png", "rb").read()).decode()
    a = call_llm("s", [{"role": "user", "content": [{"type": "text", "text": "What?"}, {"type": "image", "path": "in/pixel.png"},
        {"type": "image_url", "url": url}, {"type": "image_url", "image_url": {"url": url}}]}])
    return {"answer": a, "summary": transcribe("in/talk.mp3") + transcribe(os.path.abspath("in/talk.mp3"), language="en")}
`})
		res, err := rt.Run(t.Context(), Call{Workspace: dir, Entry: "subagent.py", Limits: testLimits, Gateway: recorder(&asked)})
		require.NoError(t, err)
		require.Nil(t, res.Failure, "%+v", res.Failure)
		require.Equal(t, "answer answeranswer", res.Answer+" "+res.Summary)
		image := map[string]any{"type": "image", "media_type": "image/png", "data": base64.StdEncoding.EncodeToString(pixel)}
		require.Equal(t, []any{map[string]any{"role": "user", "content": []any{map[string]any{"type": "text", "text": "What?"}, image, image, image}}}, asked[0]["messages"])
		require.Equal(t, map[string]any{"path": "/v1/transcribe", "name": "talk.mp3", "language": nil, "audio": "c291bmQ="}, asked[1])
		require.Equal(t, "en", asked[2]["language"])
	})
}

func TestImagesAndAudioThatCannotBeTakenAreNamed(t *testing.T) {
	eachLevel(t, func(t *testing.T, rt *Runtime) {
		var asked []map[string]any
		dir := workspaceOf(t, rt, map[string]string{"pixel.png": string(pixel), "text.png": "hello", "subagent.py": `
from llm import call_llm, transcribe, LLMError
def see(*parts): call_llm("", [{"role": "user", "content": list(parts)}])
def main(query):
    open("large.png", "wb").write(open("pixel.png", "rb").read() + bytes(5 << 20))
    open("long.mp3", "wb").write(bytes((25 << 20) + 1))
    open("empty.mp3", "wb").close()
    said = []
    for call in [
        lambda: see({"type": "image", "path": "text.png"}), lambda: see({"type": "image", "path": "large.png"}),
        lambda: see({"type": "image", "path": "none.png"}), lambda: see({"type": "image", "path": "/etc/hostname"}),
        lambda: see({"type": "image", "path": "../x.png"}), lambda: see(*[{"type": "image", "path": "pixel.png"}] * 9),
        lambda: see({"type": "image_url", "url": "https://example.org/x.png"}), lambda: see({"type": "image_url", "url": "data:image/png;base64,!"}),
        lambda: see({"type": "image"}), lambda: see("text"), lambda: transcribe("long.mp3"), lambda: transcribe("empty.mp3"),
    ]:
        try: call(); said.append("nothing")
        except LLMError as e: said.append(e.code + ": " + str(e))
    return {"answer": said, "summary": ""}
`})
		res, err := rt.Run(t.Context(), Call{Workspace: dir, Entry: "subagent.py", Limits: testLimits, Gateway: recorder(&asked)})
		require.NoError(t, err)
		require.Nil(t, res.Failure, "%+v", res.Failure)
		require.Empty(t, asked)
		var said []string
		require.NoError(t, json.Unmarshal([]byte(res.Answer), &said))
		for i, says := range []string{"text.png is no png", "more than 5242880 bytes", "cannot be read", "not in the workspace", "not in the workspace", "9 images",
			"give its path", "not base64", "part of a message", "part of a message", "more than 26214400", "is empty"} {
			require.Contains(t, said[i], "invalid_request: ")
			require.Contains(t, said[i], says)
		}
	})
}

func TestASubagentDrawsAChartWithPandasAndMatplotlib(t *testing.T) {
	uv, err := uvOnce()
	skipWithoutIndex(t, err)
	require.NoError(t, err)
	packages := newEnvironments(t, func(c *EnvironmentsConfig) { c.UV = uv })
	require.NoError(t, os.Chmod(filepath.Dir(filepath.Dir(packages.dir)), 0o711)) // the sandbox's user has to get there
	require.NoError(t, os.Chmod(filepath.Dir(packages.dir), 0o711))
	eachLevel(t, func(t *testing.T, rt *Runtime) {
		rt.environments = packages
		dir := workspaceOf(t, rt, map[string]string{"data.csv": "month,sales\nJan,3\nFeb,5\n", "subagent.py": `# /// script
# dependencies = ["pandas", "matplotlib", "requests"]
# ///
import pandas, requests
import matplotlib
import matplotlib.pyplot as plt
def main(query):
    data = pandas.read_csv("data.csv")
    data.plot.bar(x="month", y="sales")
    plt.savefig("chart.png")
    return {"answer": int(data.sales.sum()), "summary": matplotlib.get_backend() + " requests " + requests.__version__}
`})
		limits := testLimits
		limits.Wall, limits.CPU, limits.Memory = 2*time.Minute, 2*time.Minute, 1<<30
		var asked []string
		call := Call{Workspace: dir, Entry: "subagent.py", Limits: limits, Allow: func(_ context.Context, name, version string) error {
			asked = append(asked, name)
			return nil
		}}
		res, err := rt.Run(t.Context(), call)
		skipWithoutIndex(t, err)
		require.NoError(t, err)
		if res.Failure != nil && res.Failure.Kind == NoIndex {
			skipWithoutIndex(t, res.Failure.Cause)
		}
		require.Nil(t, res.Failure, "%+v %s", res.Failure, res.Stderr)
		require.Equal(t, "8", res.Answer)
		require.Contains(t, strings.ToLower(res.Summary), "agg requests 2.")
		require.Empty(t, res.Stderr, "matplotlib has a directory to write to")
		chart, err := os.ReadFile(filepath.Join(dir, "chart.png"))
		require.NoError(t, err)
		require.Equal(t, "image/png", http.DetectContentType(chart))
		require.Contains(t, asked, "numpy")
		require.Contains(t, res.Lock, "pandas==")
		t.Logf("%s with %d bytes of lock for %d packages", res.Duration, len(res.Lock), len(asked))

		noIndex(t)
		call.Lock = res.Lock
		again, err := rt.Run(t.Context(), call)
		require.NoError(t, err)
		require.Nil(t, again.Failure)
		require.Equal(t, res.Lock, again.Lock)
		t.Log(again.Duration)
	})
}

func TestAPackageThatAPolicyRefusesIsTheSubagentsFailure(t *testing.T) {
	eachLevel(t, func(t *testing.T, rt *Runtime) {
		refusal := errors.New("packages.yaml: six is not on the list")
		res := runCode(t, rt, "# /// script\n# dependencies = [\"six==1.16.0\"]\n# ///\ndef main(q): pass", func(c *Call) {
			c.Allow = func(context.Context, string, string) error { return refusal }
		})
		if res.Failure.Kind == NoIndex {
			skipWithoutIndex(t, res.Failure.Cause)
		}
		require.Equal(t, Denied, res.Failure.Kind)
		require.Equal(t, "the package six 1.16.0 may not be installed: packages.yaml: six is not on the list", res.Failure.Message)
		require.ErrorIs(t, res.Failure.Cause, refusal)
	})
}

func TestAPackageThatIsMissingWithoutAnIndexIsTheSubagentsFailure(t *testing.T) {
	noIndex(t)
	eachLevel(t, func(t *testing.T, rt *Runtime) {
		res := runCode(t, rt, "# /// script\n# dependencies = [\"pandas>=2\"]\n# ///\ndef main(q): pass")
		require.Equal(t, NoIndex, res.Failure.Kind)
		require.Contains(t, res.Failure.Message, "pandas>=2: not installed on this worker")
	})
}

// allowing lets every command run, and answers tools with what a test gives.
func allowing(replies map[string]any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if reply, ok := replies[r.URL.Path]; ok {
			json.NewEncoder(w).Encode(reply)
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"allowed": true, "call": 1})
	})
}

func TestALongOutputOfACommandKeepsItsBeginningAndItsEnd(t *testing.T) {
	eachLevel(t, func(t *testing.T, rt *Runtime) {
		res := runCode(t, rt, `
from tools import shell_command
def main(query):
    done = shell_command("echo first; head -c 50000000 /dev/zero | tr '\\0' x; echo; echo last; head -c 10 /dev/zero | tr '\\0' y >&2")
    return {"answer": done["stdout"][:6] + done["stdout"][-5:] + done["stderr"], "summary": done["stdout"][131060:131120]}
`, func(c *Call) { c.Gateway, c.Granted = allowing(nil), []string{"shell_command"} })
		require.Nil(t, res.Failure, "%+v", res.Failure)
		require.Equal(t, "first\nlast\nyyyyyyyyyy", res.Answer)
		require.Equal(t, "xxxxxxxxxxxx\n[... 49737868 bytes left out ...]\nxxxxxxxxxxxxx", res.Summary)
	})
}

func TestACommandThatIsTooSlowIsEndedWithWhatItStarted(t *testing.T) {
	eachLevel(t, func(t *testing.T, rt *Runtime) {
		res := runCode(t, rt, `
from tools import shell_command, ToolError
def main(query):
    import os, subprocess, time
    try:
        shell_command("echo so far; (sleep 987 & sleep 987)", timeout=3)
    except ToolError as e:
        code, message = e.code, str(e)
    time.sleep(0.1)
    try:
        left = str([p for p in os.listdir("/proc") if p.isdigit() and open("/proc/%s/cmdline" % p, "rb").read() == b"sleep\x00987\x00"])
    except PermissionError:
        left = "nobody may look"
    return {"answer": [code, message], "summary": left}
`, func(c *Call) { c.Gateway, c.Granted = allowing(nil), []string{"shell_command"} })
		require.Nil(t, res.Failure, "%+v", res.Failure)
		require.JSONEq(t, `["timeout", "the command was ended after 3 seconds: echo so far; (sleep 987 & sleep 987); it last said: so far"]`, res.Answer)
		if rt.box.Level() == sandbox.Namespaced { // a weaker one makes no groups: what is left ends with the run
			require.Equal(t, "[]", res.Summary)
		}
	})
}

func TestACommandThatLeavesSomethingInTheBackgroundReturns(t *testing.T) {
	eachLevel(t, func(t *testing.T, rt *Runtime) {
		res := runCode(t, rt, `
from tools import shell_command
def main(query):
    return {"answer": shell_command("sleep 3600 & echo started"), "summary": ""}
`, func(c *Call) { c.Gateway, c.Granted = allowing(nil), []string{"shell_command"} })
		require.Nil(t, res.Failure, "%+v", res.Failure)
		require.JSONEq(t, `{"stdout": "started\n", "stderr": "", "exit_code": 0}`, res.Answer)
	})
}

func TestWhatASearchAndAPageSayOfThemselvesIsPassedOn(t *testing.T) {
	replies := map[string]any{
		"/v1/tool/web_search":  map[string]any{"results": []any{map[string]any{"title": "K2", "link": "https://k2.example"}}, "answer": "8611 m", "note": "the text of 1 results was cut"},
		"/v1/tool/web_reading": map[string]any{"text": "K2 is high", "title": "K2", "url": "https://k2.example/final", "note": "read by Jina Reader"},
	}
	eachLevel(t, func(t *testing.T, rt *Runtime) {
		res := runCode(t, rt, `
from tools import web_search, web_reading
def main(query):
    found, page = web_search("K2"), web_reading("https://k2.example")
    return {"answer": [found, found.answer, found.note, page, page.upper(), page.title, page.url, page.note], "summary": ""}
`, func(c *Call) { c.Gateway, c.Granted = allowing(replies), []string{"web_search", "web_reading"} })
		require.Nil(t, res.Failure, "%+v", res.Failure)
		require.JSONEq(t, `[[{"title": "K2", "link": "https://k2.example"}], "8611 m", "the text of 1 results was cut",
			"K2 is high", "K2 IS HIGH", "K2", "https://k2.example/final", "read by Jina Reader"]`, res.Answer)
	})
}
