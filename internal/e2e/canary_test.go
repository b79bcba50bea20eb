package e2e

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/playwright-community/playwright-go"
	"github.com/stretchr/testify/require"

	"agentfactory/internal/browser"
	"agentfactory/internal/config"
	"agentfactory/internal/embedded/s3server"
	"agentfactory/internal/llm/scripted"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
	"agentfactory/internal/service"
	"agentfactory/skillstore"
	"agentfactory/workflows"
)

// Every secret that a worker knows is a canary here, and everybody it deals with is hostile: the model, the services and
// the pages repeat what they are sent, and the subagent tells all that it can find out to everybody it reaches. After a
// skill was made, reused and gated in this way no canary may be anywhere but where it belongs.
func TestNoSecretLeavesTheWorker(t *testing.T) {
	t.Parallel()
	n := newNest(t)
	worker := n.start()
	stop := watchProcesses(worker.cmd.Process.Pid, n.secrets, mayKnow)
	worker.awaitReady(t)

	task := "look around at the places in places.txt, " + n.secrets[decoy]
	files := []run.InputFile{{Path: "places.txt", Text: strings.Join([]string{n.home, n.data, n.config}, "\n")}}
	n.solve(workflows.InstallInput{Task: task, Files: files})
	n.solve(workflows.InstallInput{Task: strings.Replace(task, "around", "around again", 1), Files: files})
	n.requireAllWasTried()

	inProcesses, programs := stop()
	inProcesses.requireOnlyDecoys(t, "processes")
	for _, program := range []string{"bwrap", "python", "node", "chrom"} {
		require.Contains(t, strings.Join(programs, " "), program, "it was watched")
	}
	n.inObjects(n.secrets).requireOnlyDecoys(t, "S3")
	n.inTemporal(n.secrets).requireOnlyDecoys(t, "Temporal")
	n.inRequests().requireOnlyDecoys(t, "requests")
	n.inCommands().requireOnlyDecoys(t, "output of the starter")
	onDisk := catch{}
	n.secrets.inFiles(onDisk, n.data, n.tmp)
	onDisk.requireOnlyDecoys(t, "files of the worker")
	log := catch{}
	log.add("log", n.secrets.in([]byte(worker.out.String())))
	log.requireOnlyDecoys(t, "output of the worker")
}

// mayKnow names what child processes cannot do without. The installer of packages, which runs no code of a package, gets the
// logins of the index and of the proxy on the way to it.
func mayKnow(commandLine, name string) bool {
	installer := strings.Contains(commandLine, "pip") || strings.Contains(commandLine, "uv")
	return installer && (name == "login of the index" || name == "login of the proxy") || startsDriver(commandLine)
}

// startsDriver: Playwright starts its driver with the environment of the worker, so that the launcher has it for the moment
// that it takes to become the driver with another one. It runs as the worker's own user, who can read the worker as well.
func startsDriver(commandLine string) bool {
	launcher := strings.HasPrefix(commandLine, "/bin/sh ") || strings.HasPrefix(commandLine, "env -i ")
	return launcher && strings.Contains(commandLine, "/package/cli.js ") // run-driver, or --version before that
}

// nest is a stack in which everything that is secret is a canary.
type nest struct {
	*stack
	secrets                               canaries
	home, data, tmp, config               string
	search, reading, index, plain, secure *host
	llm                                   *host
	env                                   []string
}

func newNest(t testing.TB) *nest {
	driver, program := playwrightDriver.find(t), chromium.find(t)
	n := &nest{stack: newStack(t, "conversations: [{turns: [{text: nobody asks}]}]"), home: publicTempDir(t), data: publicTempDir(t), tmp: publicTempDir(t)}
	n.plant()
	n.openServers()
	n.storeLogin()
	n.config = filepath.Join(n.home, "config.yaml")
	n.write(n.config, fmt.Sprintf("tools: {reading: {api_key: %s}}\n", n.secrets["key of reading"]))
	n.write(filepath.Join(n.home, ".netrc"), "machine example.com password "+n.secrets["file of the home directory"])
	n.write(filepath.Join(n.data, "policy.yaml"), "version: 1\nextends: default\nrules:\n  - {name: shop, trigger: session, when: 'session == \"shop\"', action: allow}\n")
	at := func(server *host, login string) string {
		return strings.Replace(server.URL, "://", "://user:"+n.secrets[login]+"@", 1)
	}
	n.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + n.home, "AGENTFACTORY_DATA=" + n.data, "TMPDIR=" + n.tmp, "AGENTFACTORY_CONFIG=" + n.config,
		"TEMPORAL_ADDRESS=" + n.address, "TEMPORAL_API_KEY=" + n.secrets["key of Temporal"], "TEMPORAL_TLS=false",
		"OPENAI_BASE_URL=" + at(n.llm, "login of the model") + "/v1", "OPENAI_API_KEY=" + n.secrets["key of the model"],
		"AGENTFACTORY_MODEL=scripted-test", "AGENTFACTORY_EMBEDDING_MODEL=scripted-test", "AGENTFACTORY_TRANSCRIPTION_MODEL=scripted-test", "AGENTFACTORY_CHECKS=off",
		"AGENTFACTORY_S3_BUCKET=" + bucket, "AWS_ENDPOINT_URL_S3=" + n.s3URL, "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=" + n.secrets["access key of S3"], "AWS_SECRET_ACCESS_KEY=" + n.secrets["secret key of S3"],
		"SERPER_BASE_URL=" + at(n.search, "login of search"), "SERPER_API_KEY=" + n.secrets["key of search"], "JINA_BASE_URL=" + at(n.reading, "login of reading"),
		"AGENTFACTORY_SESSION_KEY=" + n.secrets["session key"], "AGENTFACTORY_POLICY=" + filepath.Join(n.data, "policy.yaml"),
		"AGENTFACTORY_CHROMIUM=" + program, "PLAYWRIGHT_DRIVER_PATH=" + driver, "UNRELATED_TOKEN=" + n.secrets["unrelated variable"],
		"PIP_INDEX_URL=" + at(n.index, "login of the index") + "/simple/", "PIP_DECOY=" + n.secrets[decoy], "UV_DECOY=" + n.secrets[decoy],
		"HTTP_PROXY=http://user:" + n.secrets["login of the proxy"] + "@127.0.0.1:9", "NO_PROXY=127.0.0.1", "SSL_CERT_FILE=" + n.secure.trust(t),
		canaryEnv + "=" + n.plain.Listener.Addr().String() + " " + n.secure.Listener.Addr().String(),
	}
	return n
}

func (n *nest) plant() {
	n.secrets = canaries{}
	for _, name := range []string{
		decoy, "key of the model", "login of the model", "key of Temporal", "access key of S3", "secret key of S3", "key of search", "login of search",
		"key of reading", "login of reading", "cookie", "local storage", "file of the home directory", "unrelated variable", "login of the index", "login of the proxy",
	} {
		n.secrets[name] = canary()
	}
	key := make([]byte, 32)
	rand.Read(key) // never fails
	n.secrets["session key"], n.secrets["session key, decoded"] = base64.StdEncoding.EncodeToString(key), string(key)
}

func (n *nest) write(file, text string) {
	require.NoError(n.t, os.WriteFile(file, []byte(text), 0o644)) // the sandbox is to keep subagents out, not the mode
}

// openServers replaces the stack's servers by hostile ones, and the keys of S3.
func (n *nest) openServers() {
	n.search, n.reading, n.index = searchHost(n.t), readingHost(n.t), packageHost(n.t)
	n.plain, n.secure = webHost(n.t, false), webHost(n.t, true)
	n.openModel()
	s3, err := s3server.Start(n.t.Context(), s3server.Options{Dir: n.t.TempDir(), AccessKey: n.secrets["access key of S3"], SecretKey: n.secrets["secret key of S3"]})
	require.NoError(n.t, err)
	n.t.Cleanup(s3.Stop)
	require.NoError(n.t, objectstore.EnsureBucket(n.t.Context(), s3.Client(), bucket))
	n.s3, n.s3URL, n.objects = s3, s3.Endpoint, objectstore.NewBucket(s3.Client(), bucket)
	n.skills, n.records = skillstore.New(n.objects), run.NewRecords(n.objects)
}

// openModel serves the script, in which the key of the model is repeated.
func (n *nest) openModel() {
	script, err := os.ReadFile("testdata/canary/script.yaml")
	require.NoError(n.t, err)
	spy, err := os.ReadFile("testdata/canary/spy.py")
	require.NoError(n.t, err)
	source := "|\n" + strings.TrimRight(indented(string(spy), 16), " \n") // a literal block of YAML
	key := n.secrets["key of the model"]
	parsed, err := scripted.Parse([]byte(strings.NewReplacer(
		"MODEL_KEY_BASE64", base64.StdEncoding.EncodeToString([]byte("Bearer "+key)), "MODEL_KEY", key, "SPY_SOURCE", source, "DECOY", n.secrets[decoy],
		"PADDING", strings.Repeat(".", 480), // an error is cut behind the beginning of the key
	).Replace(string(script))))
	require.NoError(n.t, err)
	n.model, err = scripted.NewServer(parsed, scripted.Options{APIKey: key})
	require.NoError(n.t, err)
	n.llm = newHost(n.t, n.model.ServeHTTP, "Authorization")
	n.llm.Start()
}

func indented(text string, by int) string {
	return strings.Repeat(" ", by) + strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", by))
}

// storeLogin keeps a login for the worker's browser, as a person would have made it.
func (n *nest) storeLogin() {
	state := browser.State{
		Cookies: []playwright.OptionalCookie{{Name: "session", Value: n.secrets["cookie"], Domain: playwright.String("shop.example.com"), Path: playwright.String("/"),
			HttpOnly: playwright.Bool(true), Expires: playwright.Float(-1), Secure: playwright.Bool(false), SameSite: playwright.SameSiteAttributeLax}},
		Origins: []playwright.Origin{{Origin: "http://shop.example.com", LocalStorage: []playwright.NameValue{{Name: "token", Value: n.secrets["local storage"]}}}},
	}
	require.NoError(n.t, browser.OpenSessions(filepath.Join(n.data, "worker"), n.secrets["session key"]).Save("shop", state))
}

// canaryEnv makes a process of the test's own program a worker. It holds the addresses that lead to the web.
const canaryEnv = "E2E_CANARY_WEB"

// maybeCanaryWorker is a worker like the production one, but for the web that it reaches, and never returns.
func maybeCanaryWorker() {
	var plain, secure string
	if n, _ := fmt.Sscan(os.Getenv(canaryEnv), &plain, &secure); n != 2 {
		return
	}
	if err := canaryWorker(dialTo(plain, secure)); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	select {}
}

func canaryWorker(dial dialing) error {
	ctx := context.Background()
	c, err := config.Load(os.Getenv)
	if err != nil {
		return err
	}
	objects, err := service.OpenBucket(ctx, c, nil)
	if err != nil {
		return err
	}
	temporal, err := service.DialTemporal(ctx, "", config.Encryption{})
	if err != nil {
		return err
	}
	s, err := service.New(ctx, service.Parts{Config: c, Temporal: temporal, Objects: objects, State: filepath.Join(c.Data, "worker"), Dial: dial})
	if err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	fmt.Println("ready", os.Getenv("PIP_DECOY"))
	return nil
}

func (n *nest) start() *workerProcess {
	self, err := os.Executable()
	require.NoError(n.t, err)
	return n.launch(self, n.env)
}

// requireAllWasTried: what was not tried proves nothing.
func (n *nest) requireAllWasTried() {
	t := n.t
	for name, h := range map[string]*host{"search": n.search, "reading": n.reading, "index": n.index, "pages": n.plain, "pages over TLS": n.secure, "model": n.llm} {
		require.NotEmpty(t, h.hears(), name)
	}
	require.Contains(t, string(n.plain.hears()), "/account", "the browser has used the login")
	require.Contains(t, string(n.llm.hears()), "You are asked by a spy")
	require.Contains(t, string(n.llm.hears()), "talk.mp3")
	versions, err := n.skills.Versions(t.Context(), "spy")
	require.NoError(t, err)
	require.Len(t, versions, 2)
	reports, err := n.skills.GateReports(t.Context(), "spy")
	require.NoError(t, err)
	require.NotEmpty(t, reports, "whatever a gate makes of it")
}

// inRequests hunts in what others were sent.
func (n *nest) inRequests() catch {
	found := catch{}
	for name, h := range map[string]*host{"search": n.search, "reading": n.reading, "index": n.index, "pages": n.plain, "pages over TLS": n.secure, "model": n.llm} {
		found.add(name, n.secrets.in(h.hears()))
	}
	return found
}

// inCommands hunts in what people are shown and given.
func (n *nest) inCommands() catch {
	found := catch{}
	starter, err := starterBinary()
	require.NoError(n.t, err)
	out := n.t.TempDir()
	commands := []string{
		"runs list", "runs list --json", "doctor --settings", "doctor --json", "policy show", "browser sessions list",
		"skills list", "skills show spy", "skills code spy", "skills history spy", "skills cases spy", "skills stats spy", "skills diff spy 1 2", "skills export spy " + out,
	}
	for _, id := range n.ids() {
		commands = append(commands, "runs show "+id, "runs files "+id, "runs files "+id+" --out "+filepath.Join(out, id), "runs export "+id+" --out "+out)
	}
	for _, command := range commands {
		cmd := exec.CommandContext(n.t.Context(), starter, strings.Fields(command)...)
		cmd.Env = n.env
		said, err := cmd.CombinedOutput()
		require.NoError(n.t, ignoreDoctor(command, err), "starter %s\n%s", command, said)
		found.add("starter "+command, n.secrets.in(said))
	}
	n.secrets.inFiles(found, out)
	return found
}

// ids are those of the runs.
func (n *nest) ids() (found []string) {
	for _, w := range n.executions() {
		if w.GetType().GetName() == workflows.SolveType {
			found = append(found, w.GetExecution().GetWorkflowId())
		}
	}
	return found
}

// ignoreDoctor: that something is missing, such as a second worker, is what doctor is for.
func ignoreDoctor(command string, err error) error {
	if strings.HasPrefix(command, "doctor") {
		return nil
	}
	return err
}
