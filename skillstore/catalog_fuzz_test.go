package skillstore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/skill"
)

func FuzzParseShard(f *testing.F) {
	shard := shardOf("word-count")
	good := catalogShard{Skills: map[string]catalogEntry{"word-count": {Head: skill.Head{Name: "word-count", Generation: 1}, ETag: "e", Queries: []string{"q"}}}}
	f.Add(encode(good))
	f.Add([]byte(`{"skills":{"word-count":{"head":{"name":"word-count","generation":1},"queries":[null]}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		parsed, err := parseShard(shard, body)
		if err != nil {
			require.ErrorIs(t, err, ErrCorrupt)
			return
		}
		again, err := parseShard(shard, encode(parsed))
		require.NoError(t, err, "what was read can be written back")
		require.Len(t, again.Skills, len(parsed.Skills))
		for _, e := range parsed.Skills {
			useEntry(e)
		}
	})
}

// useEntry makes all that is made of an entry.
func useEntry(e catalogEntry) {
	c := newLoadedCatalog()
	c.index.Put(e.document())
	e.textDigest()
}
