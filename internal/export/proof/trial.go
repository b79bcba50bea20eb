package proof

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"agentfactory/internal/export"
	"agentfactory/internal/gateway"
	"agentfactory/internal/sandbox"
	"agentfactory/internal/skill"
)

// trial is one case that an artifact is tried on.
type trial struct {
	prover         *Prover
	skill          export.Skill
	past           export.Case
	home, packages string // directories of the artifact and of what it declares
	program        string
	now            Case
}

// run is the story of a case.
func (t *trial) run(ctx context.Context) error {
	if why := t.hopeless(); why != "" {
		t.unknown(why)
		return nil
	}
	dir, err := t.workspace()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	res, missing, err := t.execute(ctx, dir)
	if err != nil {
		return err
	}
	answer, failure := read(res)
	t.now.Answer = cut(answer, maxShown)
	switch {
	case missing != "":
		t.unknown("it asks for what was not recorded: " + missing)
	case failure != "":
		t.failed("run", fmt.Sprintf("it answered %q, and the export fails: %s", cut(t.past.Answer, maxShown), failure))
	default:
		return t.judge(ctx, dir, answer)
	}
	return nil
}

func (t *trial) unknown(why string) {
	t.now.Result, t.now.By, t.now.Why = skill.CaseUnknown, "recording", line(why)
}

func (t *trial) failed(by, why string) {
	t.now.Result, t.now.By, t.now.Why = skill.CaseFailed, by, line(why)
}

func (t *trial) passed(by string) { t.now.Result, t.now.By = skill.CasePassed, by }

// hopeless says why a case can tell nothing.
func (t *trial) hopeless() string {
	calls := 0
	for _, e := range t.past.Calls {
		switch {
		case e.Kind == gateway.KindTool && e.Tool == "browser_automation":
			return "it uses the browser, whose pages are not recorded"
		case e.Kind == gateway.KindShell && e.Error != nil:
			return "a command was refused then, and an export refuses none"
		case e.Kind != gateway.KindShell && e.Kind != gateway.KindShellDone:
			calls++
		}
	}
	if calls > 0 && t.prover.config.Sandbox.Level() < sandbox.Namespaced {
		return "recorded replies cannot be served on this worker, whose sandbox level is " + t.prover.config.Sandbox.Level().String()
	}
	return ""
}

// workspace holds the inputs of the case.
func (t *trial) workspace() (string, error) {
	dir, err := os.MkdirTemp(t.prover.config.Sandbox.WorkDir(), "proof-")
	if err != nil {
		return "", err
	}
	inputs := export.Tree{}
	for path, data := range t.past.Files {
		inputs.Put(path, data)
	}
	if err := unpack(dir, inputs); err != nil {
		return "", errors.Join(fmt.Errorf("lay out the inputs: %w", err), os.RemoveAll(dir))
	}
	return dir, nil
}

// The keys and addresses that the artifact's modules are told.
const (
	dummyKey  = "replayed-no-key"
	dummyName = "replayed-model"
	base      = "http://" + sandbox.EgressAddress
)

// environment is what whoever uses an export sets.
func (t *trial) environment() []string {
	env := []string{
		"SERPER_API_KEY=" + dummyKey, "SERPER_BASE_URL=" + base + serperPath,
		"JINA_API_KEY=" + dummyKey, "JINA_BASE_URL=" + base + jinaPath,
		"OPENAI_API_KEY=" + dummyKey, "OPENAI_BASE_URL=" + base + openAIPath, "OPENAI_MODEL=" + dummyName,
		"AGENTFACTORY_TRANSCRIPTION_MODEL=" + dummyName,
		"MPLBACKEND=Agg", "PYTHONIOENCODING=utf-8",
	}
	if t.packages != "" {
		env = append(env, "PYTHONPATH="+t.packages)
	}
	return env
}

// execute runs the program; missing names the first call that was not recorded.
func (t *trial) execute(ctx context.Context, dir string) (res *sandbox.Result, missing string, err error) {
	past, err := newRecording(t.past.Calls)
	if err != nil {
		return nil, "", err
	}
	web, err := past.proxy()
	if err != nil {
		return nil, "", err
	}
	readable := []string{t.home}
	if t.packages != "" {
		readable = append(readable, t.packages)
	}
	argv, stdin := t.command()
	limits := t.prover.config.Limits
	limits.Output = max(limits.Output, sandbox.MaxValue) // the answer is printed, and has as much room as in the factory
	res, err = t.prover.config.Sandbox.Run(ctx, sandbox.Spec{
		Workspace: dir, Argv: argv, Stdin: stdin, Env: t.environment(), ReadOnly: readable,
		Egress: past.serve(web), CA: web.CACert(), Limits: limits,
	})
	_, broken := web.Close()
	switch {
	case err != nil:
		return nil, "", err
	case broken != nil:
		return nil, "", broken
	case res.Reason == sandbox.Cancelled:
		return nil, "", context.Cause(ctx)
	}
	return res, past.missing(), nil
}

// maxArgument bounds a query on a command line, in bytes; Linux takes 128 KiB.
const maxArgument = 64 << 10

// command is how the program is asked: as people do or, where a command line cannot hold the query, over standard input,
// of which it takes one line end off.
func (t *trial) command() (argv []string, stdin []byte) {
	query := t.past.Query
	if strings.HasPrefix(query, "-") || strings.ContainsRune(query, 0) || len(query) > maxArgument {
		return []string{t.prover.config.Python.Path, t.program, "-"}, []byte(query + "\n")
	}
	return []string{t.prover.config.Python.Path, t.program, query}, nil
}

// read returns the answer that a program printed, or in a line why there is none.
func read(res *sandbox.Result) (answer, failure string) {
	if res.Reason != sandbox.Ended {
		return "", fmt.Sprintf("it was ended by the limit of %s", res.Reason)
	}
	said := lastLine(res.Stderr)
	if res.ExitCode != 0 {
		return "", fmt.Sprintf("exit code %d: %s", res.ExitCode, said)
	}
	var printed struct {
		Answer  *string `json:"answer"`
		Summary *string `json:"summary"`
	}
	if err := json.Unmarshal(res.Stdout, &printed); err != nil || printed.Answer == nil || printed.Summary == nil {
		return "", fmt.Sprintf("it printed no JSON object with answer and summary but %q; %s", cut(string(res.Stdout), maxShown), said)
	}
	return *printed.Answer, ""
}

const (
	maxShown = 300 // characters of an answer that is shown
	maxWhy   = 600 // characters of a reason
)

// line makes one line of a text that may come from outside.
func line(text string) string {
	return cut(strings.Join(strings.Fields(strings.ToValidUTF8(text, "�")), " "), maxWhy)
}

func cut(text string, most int) string {
	text = strings.ToValidUTF8(text, "�")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

func lastLine(said []byte) string {
	text := strings.TrimSpace(string(said))
	return text[strings.LastIndexByte(text, '\n')+1:]
}
