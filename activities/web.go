package activities

import (
	"context"
	"encoding/json"
	"fmt"

	"agentfactory/internal/egress"
	"agentfactory/internal/gateway"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/run"
	"agentfactory/internal/telemetry"
)

// runPython runs a subagent with both ways out of the sandbox: the gateway, and the proxy for plain HTTP libraries, which the
// same session permits, journals and answers from its journal. The session is closed with the run, and what it spent is
// returned in any case. An error says nothing about the subagent: a person has to decide about a call first (asks), or the
// journal or a model was out of order.
func (s *Subagents) runPython(ctx context.Context, call pyruntime.Call, session *gateway.Session, live egress.Live, allow allowing) (pyruntime.Result, run.Usage, error) {
	call.Token, call.Granted, call.Mask = session.Token(), session.Granted(), s.Secrets
	res, err := s.runObserved(ctx, call, session, live, allow)
	broken := session.Close()
	switch asked := session.Asked(); {
	case err != nil:
	case asked != nil:
		err = asks{Asked{Digest: asked.Digest, Request: cut(asked.Tool+" "+string(asked.Request), maxShownAnswer), Rule: asked.Rule, Reason: asked.Reason}}
	default:
		err = broken
	}
	spent := session.Usage()
	return res, run.Usage{
		SubagentInputTokens: spent.InputTokens, SubagentOutputTokens: spent.OutputTokens, CostUSD: spent.CostUSD, Estimated: spent.Estimated,
	}, err
}

func (s *Subagents) runObserved(ctx context.Context, call pyruntime.Call, session *gateway.Session, live egress.Live, allow allowing) (res pyruntime.Result, err error) {
	if s.Observe != nil {
		observed, ended := s.Observe(ctx, or(session.Skill(), call.Entry))
		defer func() { ended(res, err) }()
		ctx = observed
	}
	call.Gateway = telemetry.Below(ctx, session)
	return s.runWithWeb(ctx, call, session, live, allow)
}

func (s *Subagents) runWithWeb(ctx context.Context, call pyruntime.Call, session *gateway.Session, live egress.Live, allow allowing) (pyruntime.Result, error) {
	web, err := egress.New(egress.Config{
		Allow:   allow,
		Journal: exchanges{session}, Live: live, Mask: session.Mask, Dial: s.Dial,
	})
	if err != nil {
		return pyruntime.Result{}, fmt.Errorf("open the proxy of the run: %w", err)
	}
	call.Egress, call.CA = web, web.CACert()
	if s.Packages != nil {
		call.Allow = func(_ context.Context, name, version string) error { return s.Packages(session.Skill(), name, version) }
	}
	res, err := s.Python.Run(ctx, call)
	if _, broken := web.Close(); err == nil && broken != nil {
		err = broken
	}
	return res, err
}

// allowing decides about a request before it is made.
type allowing func(ctx context.Context, r egress.Request) error

// permitted asks the policy.
func permitted(session *gateway.Session) allowing {
	return func(ctx context.Context, r egress.Request) error { return session.Permit(ctx, gateway.KindHTTP, r) }
}

// exchanges are the HTTP requests of a run among its other calls.
type exchanges struct{ session *gateway.Session }

// Replay implements egress.Journal.
func (x exchanges) Replay(ctx context.Context, r egress.Request) (egress.Exchange, bool, error) {
	reply, found, err := x.session.Recall(ctx, gateway.KindHTTP, r)
	if err != nil || !found {
		return egress.Exchange{}, false, err
	}
	var e egress.Exchange
	if err := json.Unmarshal(reply, &e); err != nil {
		return egress.Exchange{}, false, fmt.Errorf("read a journalled exchange: %w", err)
	}
	return e, true, nil
}

// Record implements egress.Journal.
func (x exchanges) Record(ctx context.Context, e egress.Exchange) error {
	kind := gateway.KindHTTP
	if !e.Replayable() {
		kind = gateway.KindHTTPFailed
	}
	return x.session.Keep(ctx, kind, e.Request, e)
}
