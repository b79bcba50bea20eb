package proof_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/egress"
	"agentfactory/internal/export"
	"agentfactory/internal/export/proof"
	"agentfactory/internal/gateway"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/sandbox"
	"agentfactory/internal/skill"
)

var limits = sandbox.Limits{
	Wall: 30 * time.Second, CPU: 20 * time.Second, Memory: 512 << 20, Processes: 32, Output: 64 << 10, FileSize: 8 << 20, Disk: 64 << 20,
}

// newProver proves as workers do, in the strongest sandbox of the machine or at a level.
func newProver(t testing.TB, level sandbox.Level) *proof.Prover {
	t.Helper()
	python, err := pyruntime.Discover(t.Context(), "", sandbox.Readable)
	require.NoError(t, err)
	dir := t.TempDir()
	box, err := sandbox.New(sandbox.Config{Python: python.Path, ReadOnly: python.Roots, StateDir: dir, Force: level})
	if (err != nil || level == sandbox.None && box.Level() < sandbox.Namespaced) && os.Getenv("AGENTFACTORY_TEST_REQUIRE") != "all" {
		t.Skip("no namespaces here: ", err)
	}
	require.NoError(t, err)
	rt, err := pyruntime.New(pyruntime.Config{Python: python, Dir: filepath.Join(dir, "packages"), Sandbox: box})
	require.NoError(t, err)
	p, err := proof.New(proof.Config{Sandbox: box, Python: python, Runtime: rt, Limits: limits})
	require.NoError(t, err)
	return p
}

// program is an artifact by hand: what it does with the query is BODY.
const program = `import json, os, sys, urllib.error, urllib.request

def post(base, path, body, kind="application/json"):
    request = urllib.request.Request(os.environ[base] + path, body if isinstance(body, bytes) else json.dumps(body).encode(), {"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=120) as reply:
        return json.load(reply)

def get(url):
    with urllib.request.urlopen(url, timeout=120) as reply:
        return reply.read().decode()

def search(query, **options):
    return post("SERPER_BASE_URL", "/search", {"q": query, "num": 10, **options})

def read(url):
    return post("JINA_BASE_URL", "/", {"url": url})["data"]

def chat(messages):
    return post("OPENAI_BASE_URL", "/chat/completions", {"model": os.environ["OPENAI_MODEL"], "messages": messages, "max_completion_tokens": 5})["choices"][0]["message"]["content"]

query = sys.argv[1] if sys.argv[1] != "-" else sys.stdin.read()[:-1]
BODY
print(json.dumps({"answer": answer, "summary": ""}))
`

func artifact(body string) export.Tree {
	return export.Tree{"word-count/run.py": {Data: []byte(strings.Replace(program, "BODY", body, 1))}}
}

// call is a recorded call. A reply that is a *gateway.Error is one that failed.
func call(t testing.TB, n int, kind, tool string, request, reply any) gateway.Entry {
	t.Helper()
	e := gateway.Entry{N: n, Kind: kind, Tool: tool, Request: sorted(t, request)}
	digest := sha256.Sum256([]byte(kind + "\x00" + tool + "\x00" + string(e.Request)))
	e.RequestDigest = hex.EncodeToString(digest[:])
	var err error
	if failed, ok := reply.(*gateway.Error); ok {
		e.Error = failed
		return e
	}
	e.Reply, err = json.Marshal(reply)
	require.NoError(t, err)
	return e
}

// sorted is JSON as the gateway records it: fields sorted.
func sorted(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(data, &fields))
	data, err = json.Marshal(fields)
	require.NoError(t, err)
	return data
}

type object = map[string]any

func pastCase(query, answer string, calls ...gateway.Entry) export.Case {
	return export.Case{Case: skill.Case{ID: "0123456789abcdef", Query: query, Output: &skill.Output{}}, Answer: answer, Calls: calls}
}

func withCases(cases ...export.Case) export.Skill {
	return export.Skill{
		Manifest: skill.Manifest{Name: "word-count", Version: 3, EntryFile: "word_count.py"}, Cases: cases,
		Code: map[string][]byte{"word_count.py": []byte("def main(query):\n    return {'answer': 'the skill itself', 'summary': ''}\n")},
	}
}

func prove(t testing.TB, p *proof.Prover, body string, s export.Skill) proof.Report {
	t.Helper()
	r, err := p.Prove(t.Context(), artifact(body), "word-count/run.py", s)
	require.NoError(t, err)
	require.Equal(t, "word-count", r.Skill)
	return r
}

func TestRecordedRepliesAreServedInTheWireFormsOfTheServices(t *testing.T) {
	p := newProver(t, sandbox.None)
	png := "iVBORw0KGgo="
	calls := []gateway.Entry{
		call(t, 1, gateway.KindTool, "web_search", object{"query": "go", "country": "DE"}, object{"results": []object{{"title": "Go", "link": "https://go.dev", "snippet": "s"}}, "answer": "a language"}),
		call(t, 2, gateway.KindTool, "web_reading", object{"url": " HTTPS://Bücher.example/a b?q=ü#top ", "max_chars": 5}, object{"text": "first", "title": "T", "url": "https://x.example/"}),
		call(t, 3, gateway.KindTool, "web_reading", object{"url": "https://bücher.example/a b?q=ü"}, object{"text": "second", "url": "https://x.example/"}),
		call(t, 4, gateway.KindLLM, "", object{"system": "S", "messages": []object{{"role": "user", "content": []object{{"type": "text", "text": "what?"},
			{"type": "image", "media_type": "image/png", "sha256": string(objectstore.DigestOf([]byte("\x89PNG\r\n\x1a\n"))), "bytes": 8}}}}, "max_tokens": 9},
			object{"text": "a picture", "usage": object{"input_tokens": 3, "output_tokens": 2}}),
		call(t, 5, gateway.KindTranscribe, "", object{"name": "talk.mp3", "language": nil, "sha256": string(objectstore.DigestOf([]byte("sound"))), "bytes": 5}, object{"text": "hello"}),
		call(t, 6, gateway.KindTool, "web_search", object{"query": "fails"}, gateway.Errorf(gateway.Unavailable, "out of order")),
		call(t, 7, gateway.KindShell, "", object{"command": "ls"}, object{"allowed": true, "call": 7}),
		call(t, 8, gateway.KindHTTP, "", egress.Request{Method: "GET", URL: "http://data.example/x", Host: "data.example", Port: 80},
			egress.Exchange{Request: egress.Request{Method: "GET", URL: "http://data.example/x", Host: "data.example", Port: 80}, Status: 200, Body: []byte("plain")}),
		call(t, 9, gateway.KindHTTP, "", egress.Request{Method: "GET", URL: "https://data.example/y", Host: "data.example", Port: 443},
			egress.Exchange{Request: egress.Request{Method: "GET", URL: "https://data.example/y", Host: "data.example", Port: 443}, Status: 200, Body: []byte("secure")}),
	}
	r := prove(t, p, `
import base64
found = search("go", gl="de")
pages = [read("https://xn--bcher-kva.example/a%20b?q=%C3%BC")["content"] for _ in "12"]
said = chat([{"role": "system", "content": "S"}, {"role": "user", "content": [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,`+png+`"}}]}])
form = b'--B\r\nContent-Disposition: form-data; name="model"\r\n\r\nx\r\n--B\r\nContent-Disposition: form-data; name="file"; filename="talk.mp3"\r\n\r\nsound\r\n--B--\r\n'
heard = post("OPENAI_BASE_URL", "/audio/transcriptions", form, "multipart/form-data; boundary=B")["text"]
failures = []
for _ in range(3):
    try:
        search("fails")
    except urllib.error.HTTPError as e:
        failures.append([e.code, json.load(e)["message"]])
web = [get("http://data.example/x"), get("https://data.example/y")]
answer = json.dumps([found["organic"][0]["link"], found["answerBox"]["answer"], pages, said, heard, failures[2], web, query])
`, withCases(pastCase("the query", `["https://go.dev", "a language", ["first", "second"], "a picture", "hello", [404, "out of order"], ["plain", "secure"], "the query"]`, calls...)))
	require.Equal(t, proof.Proved, r.Outcome, "%+v", r)
	require.Equal(t, skill.CasePassed, r.Cases[0].Result)
	require.Positive(t, r.Cases[0].Seconds)
}

func TestServicesAreReachedWithoutTheProxyAsWell(t *testing.T) {
	c := pastCase("q", "found", call(t, 1, gateway.KindTool, "web_reading", object{"url": "https://a.example/"}, object{"text": "found"}))
	r := prove(t, newProver(t, sandbox.None), `
import http.client
connection = http.client.HTTPConnection("127.0.0.1", 3128)
connection.request("POST", "/jina/", json.dumps({"url": "https://a.example"}), {"Content-Type": "application/json"})
answer = json.load(connection.getresponse())["data"]["content"]
`, withCases(c))
	require.Equal(t, proof.Proved, r.Outcome, "%+v", r)
}

func TestWhatWasNotRecordedDecidesNothing(t *testing.T) {
	p := newProver(t, sandbox.None)
	search := call(t, 1, gateway.KindTool, "web_search", object{"query": "go"}, object{"results": []object{}})
	for name, test := range map[string]struct{ body, says string }{
		"another query":         {`search("rust"); answer = "x"`, `web_search "rust"`},
		"a query once more":     {`search("go"); search("go"); answer = "x"`, `web_search "go"`},
		"another message":       {`chat([{"role": "user", "content": "x"}])`, "a call of the model"},
		"another page":          {`read("https://a.example/")`, "web_reading https://a.example/"},
		"another request":       {`get("http://a.example/x")`, "GET http://a.example/x"},
		"another TLS request":   {`get("https://a.example/x")`, "GET https://a.example/x"},
		"another service":       {`post("OPENAI_BASE_URL", "/embeddings", {})`, "POST /openai/v1/embeddings"},
		"a failure that it may": {"try:\n    search('rust')\nexcept OSError:\n    answer = 'x'", `web_search "rust"`},
	} {
		t.Run(name, func(t *testing.T) {
			r := prove(t, p, test.body, withCases(pastCase("q", "x", search)))
			require.Equal(t, proof.Unproved, r.Outcome, "%+v", r)
			require.Equal(t, skill.CaseUnknown, r.Cases[0].Result)
			require.Contains(t, r.Why, test.says)
		})
	}
}

func TestAPageThatCouldNotBeReadStaysUnread(t *testing.T) {
	c := pastCase("q", "gone", call(t, 1, gateway.KindTool, "web_reading", object{"url": "http://a.example/x"}, gateway.Errorf(gateway.Unavailable, "a.example answered 404 Not Found")))
	r := prove(t, newProver(t, sandbox.None), `
answer = ""
for attempt in (read, get):
    try:
        attempt("http://a.example/x")
    except OSError:
        answer = "gone"
`, withCases(c))
	require.Equal(t, proof.Proved, r.Outcome, "%+v", r)
}

func TestTheOutputDecides(t *testing.T) {
	p := newProver(t, sandbox.None)
	report := skill.File{Path: "report.txt", Digest: string(objectstore.DigestOf([]byte("3 words"))), Size: 7}
	checkWords := &skill.Check{Kind: skill.CheckScript, Source: "def check(query, answer):\n    assert 'words' in answer, 'it names no words'\n    assert open('in.txt').read() == 'a b c'\n"}
	for name, test := range map[string]struct {
		body    string
		change  func(*export.Skill)
		outcome proof.Outcome
		by, why string
	}{
		"the same answer":       {body: `answer = "3  words\n"`, outcome: proof.Proved, by: "same"},
		"input files are there": {body: `answer = "%d words" % len(open("in.txt").read().split())`, outcome: proof.Proved, by: "same"},
		"the same files": {body: `open("report.txt", "w").write("3 words"); answer = "3 words"`, outcome: proof.Proved, by: "same",
			change: func(s *export.Skill) { s.Cases[0].Output.Files = []skill.File{report} }},
		"a file that is missing": {body: `answer = "3 words"`, outcome: proof.Failed, by: "same", why: "report.txt",
			change: func(s *export.Skill) {
				s.Cases[0].Output.Files = []skill.File{report}
				s.Code["word_count.py"] = []byte("def main(q):\n    open('report.txt', 'w').write('3 words')\n    return {'answer': '3 words', 'summary': ''}\n")
			}},
		"another answer that the skill gives no more": {body: `answer = "4 words"`, outcome: proof.Unproved, by: "recording", why: "the skill itself does not give"},
		"another answer": {body: `answer = "4 words"`, outcome: proof.Failed, by: "same", why: `"4 words"`,
			change: func(s *export.Skill) {
				s.Code["word_count.py"] = []byte("def main(q):\n    return {'answer': '3 words', 'summary': ''}\n")
			}},
		"another answer that the check accepts": {body: `answer = "three words"`, outcome: proof.Proved, by: "check",
			change: func(s *export.Skill) { s.Cases[0].Check = checkWords }},
		"another answer that the check refuses": {body: `answer = "three"`, outcome: proof.Failed, by: "check", why: "it names no words",
			change: func(s *export.Skill) { s.Cases[0].Check = checkWords }},
		"a check whose place is taken": {body: `os.symlink("/etc", ".agentfactory"); answer = "three words"`, outcome: proof.Failed, by: "check", why: "is there already",
			change: func(s *export.Skill) { s.Cases[0].Check = checkWords }},
		"another answer for a judge": {body: `answer = "three words"`, outcome: proof.Unproved, by: "recording", why: "only a model could judge",
			change: func(s *export.Skill) { s.Cases[0].Check = &skill.Check{Kind: skill.CheckJudge} }},
		"an exception":      {body: `raise ValueError("no such\nword")`, outcome: proof.Failed, by: "run", why: "exit code 1"},
		"a missing package": {body: `sys.exit("install it")`, outcome: proof.Failed, by: "run", why: "install it"},
		"no JSON":           {body: `print("hello"); answer = "3 words"`, outcome: proof.Failed, by: "run", why: "no JSON object"},
		"a browser": {body: `answer = "3 words"`, outcome: proof.Unproved, by: "recording", why: "uses the browser",
			change: func(s *export.Skill) {
				s.Cases[0].Calls = []gateway.Entry{call(t, 1, gateway.KindTool, "browser_automation", object{}, object{})}
			}},
		"a command that was refused": {body: `answer = "3 words"`, outcome: proof.Unproved, by: "recording", why: "a command was refused",
			change: func(s *export.Skill) {
				s.Cases[0].Calls = []gateway.Entry{call(t, 1, gateway.KindShell, "", object{"command": "rm"}, gateway.Errorf(gateway.Denied, "no"))}
			}},
		"no cases": {body: "", outcome: proof.Unproved, why: "no stored cases", change: func(s *export.Skill) { s.Cases = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			s := withCases(pastCase("count", "3 words"))
			s.Cases[0].Files = map[string][]byte{"in.txt": []byte("a b c")}
			if test.change != nil {
				test.change(&s)
			}
			r := prove(t, p, test.body, s)
			require.Equal(t, test.outcome, r.Outcome, "%+v", r)
			require.Contains(t, r.Why, test.why)
			require.NotContains(t, r.Why, "\n")
			if len(r.Cases) > 0 {
				require.Equal(t, test.by, r.Cases[0].By)
			}
		})
	}
}

func TestOneFailureOutweighsAllThatPassed(t *testing.T) {
	other := pastCase("two", "2")
	other.ID, other.Check = "f123456789abcdef", &skill.Check{Kind: skill.CheckScript, Source: "def check(query, answer):\n    assert answer == '2', 'it is 2'\n"}
	r := prove(t, newProver(t, sandbox.None), `answer = "1"`, withCases(pastCase("one", "1"), other))
	require.Equal(t, proof.Failed, r.Outcome)
	require.Contains(t, r.Why, "case f123456789abcdef: ")
	require.Equal(t, skill.CasePassed, r.Cases[0].Result)
}

// Whatever the query is, the program is asked it to the letter.
func TestEveryQueryArrives(t *testing.T) {
	p := newProver(t, sandbox.None)
	var cases []export.Case
	for _, query := range []string{"plain", "-h", "--version", "-", "", "two\nlines\n", "ünï \"'$(x)", strings.Repeat("long ", 30_000), "\x00"} {
		cases = append(cases, pastCase(query, query))
	}
	r := prove(t, p, `answer = query`, withCases(cases...))
	require.Equal(t, proof.Proved, r.Outcome, r.Why)
}

// The artifact must bring along whatever it needs, and sees nothing of the worker.
func TestTheSandboxIsClean(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-real")
	r := prove(t, newProver(t, sandbox.None), `
import importlib.util
ours = [name for name in ("tools", "llm", "_gateway", "harness") if importlib.util.find_spec(name)]
real = [value for value in os.environ.values() if "sk-real" in value]
try:
    open(os.path.join(os.path.dirname(__file__), "x"), "w")
    writable = True
except OSError:
    writable = False
answer = json.dumps([ours, real, os.environ.get("AGENTFACTORY_GATEWAY"), writable, os.listdir(".")])
`, withCases(pastCase("q", `[[], [], null, false, []]`)))
	require.Equal(t, proof.Proved, r.Outcome, "%+v", r)
}

func TestWithoutNamespacesOnlyCasesWithoutCallsAreTried(t *testing.T) {
	p := newProver(t, sandbox.Confined)
	r := prove(t, p, `answer = "x"`, withCases(pastCase("q", "x")))
	require.Equal(t, proof.Proved, r.Outcome, "%+v", r)
	r = prove(t, p, `answer = "x"`, withCases(pastCase("q", "x", call(t, 1, gateway.KindTool, "web_search", object{"query": "go"}, object{}))))
	require.Equal(t, proof.Unproved, r.Outcome, "%+v", r)
	require.Contains(t, r.Why, "sandbox level is confined")
}

func TestAnArtifactWithoutItsProgramFails(t *testing.T) {
	r, err := newProver(t, sandbox.None).Prove(t.Context(), export.Tree{}, "none.py", withCases())
	require.NoError(t, err)
	require.Equal(t, proof.Failed, r.Outcome)
	require.Contains(t, r.Why, "no file")
}

func TestAProgramThatDoesNotEndFails(t *testing.T) {
	short := limits
	limits.Wall = time.Second
	defer func() { limits = short }()
	r := prove(t, newProver(t, sandbox.None), `import time; time.sleep(60)`, withCases(pastCase("q", "x")))
	require.Equal(t, proof.Failed, r.Outcome)
	require.Contains(t, r.Why, "ended by the limit of timeout")
}

func TestACancelledProofIsAnError(t *testing.T) {
	p := newProver(t, sandbox.None)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	_, err := p.Prove(ctx, artifact(`import time; time.sleep(60)`), "word-count/run.py", withCases(pastCase("q", "x")))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "prove word-count: case 0123456789abcdef")
}

func TestPackagesComeFromTheLock(t *testing.T) {
	s := withCases(pastCase("q", "six"))
	s.Declared.Dependencies = []string{"six==1.17.0"}
	p := newProver(t, sandbox.None)
	r := prove(t, p, `import six; answer = six.__name__`, s)
	if strings.Contains(r.Why, "index") && os.Getenv("AGENTFACTORY_TEST_REQUIRE") != "all" {
		t.Skip(r.Why)
	}
	require.Equal(t, proof.Proved, r.Outcome, "%+v", r)
	s.Declared.Dependencies = []string{"six==0.0.1.dev99"}
	r = prove(t, p, `import six; answer = six.__name__`, s)
	require.Equal(t, proof.Unproved, r.Outcome, "%+v", r)
	require.Contains(t, r.Why, "six")
}

// BenchmarkCase is one case without calls: unpacking, a run, the comparison.
func BenchmarkCase(b *testing.B) {
	p, s := newProver(b, sandbox.None), withCases(pastCase("q", "x"))
	for b.Loop() {
		require.Equal(b, proof.Proved, prove(b, p, `answer = "x"`, s).Outcome)
	}
}
