package proof

import (
	"context"
	"errors"
	"fmt"
	"os"

	"agentfactory/internal/checking"
	"agentfactory/internal/export"
	"agentfactory/internal/gateway"
	"agentfactory/internal/pyruntime"
)

// unlessTheSkillDiffersToo fails the case, unless the skill itself, run where it was made and on the same recording, does
// not give the recorded output either, as one does not that answers with the date.
func (t *trial) unlessTheSkillDiffersToo(ctx context.Context, wrong string) error {
	dir, err := t.workspace()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	code := export.Tree{}
	for path, data := range t.skill.Code {
		code.Put(path, data)
	}
	if err := unpack(dir, code); err != nil {
		return fmt.Errorf("lay out the skill: %w", err)
	}
	res, err := t.reference(ctx, dir)
	if err != nil {
		return fmt.Errorf("run the skill itself: %w", err)
	}
	differs, _, err := t.compareFiles(dir)
	if err != nil {
		return err
	}
	if res.Failure == nil && checking.SameAnswer(t.past.Answer, res.Answer) && differs == "" {
		t.failed("same", wrong)
		return nil
	}
	t.unknown("the skill itself does not give the recorded output again, and the case has no check: " + wrong)
	return nil
}

// reference runs the skill as the factory does, with nothing but the recording behind its tools.
func (t *trial) reference(ctx context.Context, dir string) (pyruntime.Result, error) {
	past, err := newRecording(t.past.Calls)
	if err != nil {
		return pyruntime.Result{}, err
	}
	web, err := past.proxy()
	if err != nil {
		return pyruntime.Result{}, err
	}
	session, err := gateway.New(t.recordedDoor())
	if err != nil {
		return pyruntime.Result{}, err
	}
	res, err := t.prover.config.Runtime.Run(ctx, pyruntime.Call{
		Workspace: dir, Entry: t.skill.Manifest.EntryFile, Query: t.past.Query, Limits: t.prover.config.Limits, Lock: string(t.skill.Lock),
		Gateway: session, Token: session.Token(), Granted: session.Granted(), Egress: web, CA: web.CACert(),
	})
	_, broken := web.Close()
	return res, errors.Join(err, broken, session.Close())
}

var errLacking = gateway.Errorf(gateway.Unavailable, "this call was not recorded")

// recordedDoor is a gateway that makes no call.
func (t *trial) recordedDoor() gateway.Config {
	tools := map[string]gateway.Tool{}
	for _, name := range t.skill.Manifest.Tools {
		if name != gateway.ShellCommand {
			tools[name] = gateway.ToolFunc(func(context.Context, gateway.ToolRequest) (gateway.ToolReply, error) {
				return gateway.ToolReply{}, errLacking
			})
		}
	}
	return gateway.Config{
		Granted: t.skill.Manifest.Tools, Tools: tools, Journal: onlyRead(t.past.Calls), MaxTokens: -1, MaxCostUSD: -1,
		LLM: func(context.Context, gateway.LLMRequest) (gateway.LLMReply, error) {
			return gateway.LLMReply{}, errLacking
		},
		Transcribe: func(context.Context, gateway.TranscribeRequest) (gateway.TranscribeReply, error) {
			return gateway.TranscribeReply{}, errLacking
		},
	}
}

// onlyRead is a journal of past calls that keeps no new ones.
type onlyRead []gateway.Entry

// Load implements gateway.Journal.
func (j onlyRead) Load(context.Context) ([]gateway.Entry, error) { return j, nil }

// Append implements gateway.Journal.
func (j onlyRead) Append(context.Context, gateway.Entry) error { return nil }
