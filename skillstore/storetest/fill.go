package storetest

import (
	"context"
	"encoding/json"
	"fmt"

	"golang.org/x/sync/errgroup"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/search/searchtest"
	"agentfactory/internal/skill"
)

// Fill writes a large library quickly: versions, cases and heads as they lie in a bucket, without their files. The first
// search makes the catalog from them.
func Fill(ctx context.Context, bucket objectstore.Store, skills []searchtest.Labelled) error {
	var g errgroup.Group
	g.SetLimit(8)
	for i, l := range skills {
		g.Go(func() error { return put(ctx, bucket, NameOf(i, l), l) })
	}
	return g.Wait()
}

// NameOf is the name that Fill gives to the skill of this index.
func NameOf(i int, l searchtest.Labelled) string { return fmt.Sprintf("%.50s-%d", l.Name, i) }

func put(ctx context.Context, bucket objectstore.Store, name string, l searchtest.Labelled) error {
	m := skill.Manifest{Name: name, Version: 1, Description: l.Description, EntryFile: "subagent.py", Interface: l.Details}
	m.Digest = m.ContentDigest()
	h := skill.Head{Name: name, Version: 1, VersionDigest: m.Digest, Generation: 1, PromotionID: "p", Trust: skill.Provisional, Description: l.Description, EntryFile: "subagent.py"}
	records := map[string]any{"skills/" + name + "/versions/0001/manifest.json": m, "skills/" + name + "/head.json": h}
	for _, q := range l.Queries {
		c := skill.Case{Query: q}
		c.ID = c.ContentID()
		records["skills/"+name+"/cases/"+c.ID+"/case.json"] = c
	}
	for key, record := range records {
		body, err := json.Marshal(record)
		if err != nil {
			return err
		}
		if _, err := bucket.Create(ctx, key, body); err != nil {
			return err
		}
	}
	return nil
}
