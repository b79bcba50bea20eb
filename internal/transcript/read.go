package transcript

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"agentfactory/internal/llm"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/run"
)

// Source is where the records of runs are.
type Source struct {
	Records *run.Records
	Objects objectstore.Store
	Blobs   *objectstore.Blobs
}

// Read assembles the run whose last turn has the given key. The result is put into the
// document as it is.
func (s Source) Read(ctx context.Context, lastTurn string, result run.Result) (Document, error) {
	keys, chain, err := s.chain(ctx, lastTurn)
	if err != nil {
		return Document{}, fmt.Errorf("read the transcript: %w", err)
	}
	steps, err := s.steps(ctx, keys, result)
	if err != nil {
		return Document{}, fmt.Errorf("read what the calls did: %w", err)
	}
	opening := chain[0]
	doc := Document{
		Format: Format, Result: result, SubagentModel: opening.Opening.SubagentModel, ContextWindow: opening.Opening.ContextWindow,
		System: opening.Added[0].Content, Opening: opening.Added[1].Content, Turns: []Turn{},
	}
	for i, t := range chain {
		if t.Opening != nil && len(t.Reply.ToolCalls) == 0 {
			continue
		}
		var after []llm.Message // what the model was told of its calls
		if i+1 < len(chain) {
			after = chain[i+1].Added
		}
		turn, err := s.turn(ctx, keys[i], t, after, steps)
		if err != nil {
			return Document{}, err
		}
		doc.Turns = append(doc.Turns, turn)
	}
	return doc, nil
}

// chain is run.Records.Chain with the keys of the turns, the opening first.
func (s Source) chain(ctx context.Context, last string) (keys []string, chain []*run.Turn, err error) {
	chain, err = s.Records.Chain(ctx, last)
	if err != nil {
		return nil, nil, err
	}
	for key, i := last, len(chain)-1; i >= 0; i-- {
		keys = append(keys, key)
		key = chain[i].Parent
	}
	slices.Reverse(keys)
	return keys, chain, nil
}

// step is a record with its key.
type step struct {
	*run.Step
	key string
}

// atOnce bounds the records that are read at the same time.
const atOnce = 16

// steps reads what every execution of the run did: one that continued as new or was
// reset has written under several run IDs. They are found by turn and call.
func (s Source) steps(ctx context.Context, turns []string, result run.Result) (map[string][]step, error) {
	places := []string{objectstore.RunKey(result.WorkflowID, result.RunID, "workspace") + "/"}
	for _, key := range slices.Backward(turns) {
		if place := path.Dir(path.Dir(key)) + "/workspace/"; !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	found := map[string][]step{}
	var mu sync.Mutex
	for _, place := range places { // the latest execution first
		infos, err := s.Objects.List(ctx, place, "", 0)
		if err != nil {
			return nil, err
		}
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(atOnce)
		for _, info := range infos {
			group.Go(func() error {
				record, err := s.Records.Step(ctx, info.Key)
				if err != nil {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				id := record.Turn + " " + record.CallID
				found[id] = append(found[id], step{record, info.Key})
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (s Source) turn(ctx context.Context, key string, t *run.Turn, after []llm.Message, steps map[string][]step) (Turn, error) {
	turn := Turn{
		Number: t.Number, Key: key, At: t.At, Seconds: t.Seconds, Text: t.Reply.Content, Refusal: t.Reply.Refusal,
		Finish: t.FinishReason, Usage: t.Usage, Calls: []Call{},
	}
	for _, m := range t.Added {
		if m.Role == llm.RoleUser && t.Opening == nil {
			turn.Notes = append(turn.Notes, m.Content)
		}
	}
	for i, asked := range t.Reply.ToolCalls {
		call := Call{ID: asked.ID, Tool: asked.Name, Arguments: rawOrString(asked.Arguments)}
		if i < len(after) && after[i].Role == llm.RoleTool {
			call.Observation, call.Done = after[i].Content, true
		}
		if err := s.carriedOut(ctx, &call, steps[key+" "+asked.ID]); err != nil {
			return Turn{}, err
		}
		turn.Calls = append(turn.Calls, call)
	}
	return turn, nil
}

// carriedOut adds what the record of a call knows. Where a call was carried out more than
// once (by a run that was reset), the one that the model has read of counts, else the latest.
func (s Source) carriedOut(ctx context.Context, call *Call, records []step) error {
	if len(records) == 0 {
		return nil
	}
	record := records[0]
	for _, r := range records {
		if call.Done && r.Observation == call.Observation {
			record = r
			break
		}
	}
	call.Done, call.OK, call.Observation, call.Step = true, record.OK, record.Observation, record.key
	call.Seconds, call.Usage = record.Seconds, record.Usage
	if record.Amended != "" {
		call.Amended = rawOrString(record.Amended)
	}
	if record.Full == "" {
		return nil
	}
	whole, err := s.Blobs.Get(ctx, objectstore.Digest(path.Base(record.Full)))
	if errors.Is(err, objectstore.ErrNotFound) {
		return nil // what the model read is kept at least
	}
	if err != nil {
		return fmt.Errorf("read the whole observation of %s: %w", record.key, err)
	}
	call.Read, call.Observation = record.Observation, string(whole)
	return nil
}

// rawOrString is valid JSON in any case.
func rawOrString(text string) json.RawMessage {
	if json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(fmt.Sprintf("encode a string: %v", err)) // strings always encode
	}
	return quoted
}
