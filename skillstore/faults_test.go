package skillstore_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

// lossy is a real bucket whose replies to some writes get lost after the write took place.
type lossy struct {
	objectstore.Store
	lose func(key string) bool
	// repeat says that the transport sent the request again, as it does after a 503: the caller sees the second reply.
	repeat bool
}

func (l *lossy) Create(ctx context.Context, key string, body []byte) (string, error) {
	return l.write(key, func() (string, error) { return l.Store.Create(ctx, key, body) })
}

func (l *lossy) Replace(ctx context.Context, key string, body []byte, etag string) (string, error) {
	return l.write(key, func() (string, error) { return l.Store.Replace(ctx, key, body, etag) })
}

func (l *lossy) write(key string, send func() (string, error)) (string, error) {
	etag, err := send()
	if err != nil || !l.lose(key) {
		return etag, err
	}
	if l.repeat {
		return send()
	}
	return "", fmt.Errorf("write %s: %w", key, objectstore.ErrUnavailable)
}

// once loses the first reply for keys with this ending.
func once(suffix string) func(string) bool {
	var lost atomic.Bool
	return func(key string) bool { return strings.HasSuffix(key, suffix) && lost.CompareAndSwap(false, true) }
}

func never(string) bool { return false }

func TestAPromotionWhoseReplyWasLostIsRecognised(t *testing.T) {
	for _, base := range []int64{0, 1} {
		for _, repeat := range []bool{false, true} {
			t.Run(fmt.Sprintf("base %d, sent again %t", base, repeat), func(t *testing.T) {
				bucket := &lossy{Store: s3test.Bucket(t), lose: never, repeat: repeat}
				s := skillstore.New(bucket)
				m, err := s.AddVersion(t.Context(), wordCount())
				require.NoError(t, err)
				for i := range base {
					_, err = s.Promote(t.Context(), skillstore.Promotion{Name: m.Name, Version: 1, BaseGeneration: i, PromotionID: fmt.Sprint("before", i)})
					require.NoError(t, err)
				}
				bucket.lose = once("head.json")
				mine := skillstore.Promotion{Name: m.Name, Version: 1, BaseGeneration: base, PromotionID: "mine"}
				h, err := s.Promote(t.Context(), mine)
				if !repeat {
					require.ErrorIs(t, err, objectstore.ErrUnavailable)
					h, err = s.Promote(t.Context(), mine)
				}
				require.NoError(t, err)
				require.Equal(t, base+1, h.Generation, "the head moved once")
			})
		}
	}
}

func TestWritesWhoseReplyWasLostAreRepeatedWithoutHarm(t *testing.T) {
	for _, repeat := range []bool{false, true} {
		for _, lost := range []string{"manifest.json", "case.json", "head.json", ""} {
			t.Run(fmt.Sprintf("%s, sent again %t", lost, repeat), func(t *testing.T) {
				bucket := &lossy{Store: s3test.Bucket(t), lose: once(lost), repeat: repeat}
				s := skillstore.New(bucket)
				save := func() error {
					m, err := s.AddVersion(t.Context(), wordCount())
					if err != nil {
						return err
					}
					if err := s.AddCase(t.Context(), m.Name, skill.Case{Query: "q"}); err != nil {
						return err
					}
					if _, err = s.Promote(t.Context(), skillstore.Promotion{Name: m.Name, Version: m.Version, PromotionID: "p"}); err != nil {
						return err
					}
					return s.Retire(t.Context(), m.Name, skill.Tombstone{By: "p2"})
				}
				err := save()
				if !repeat {
					require.ErrorIs(t, err, objectstore.ErrUnavailable)
					err = save()
				}
				require.NoError(t, err)
				require.NoError(t, save(), "and once more")
				versions, err := s.Versions(t.Context(), "word-count")
				require.NoError(t, err)
				require.Len(t, versions, 1)
				cases, err := s.Cases(t.Context(), "word-count")
				require.NoError(t, err)
				require.Len(t, cases, 1)
				h, err := s.Head(t.Context(), "word-count")
				require.NoError(t, err)
				require.EqualValues(t, 2, h.Generation, "one promotion, one retirement")
			})
		}
	}
}

// tampered is a real bucket that hands out other bytes for some keys.
type tampered struct {
	objectstore.Store
	spoil func(key string, body []byte) []byte
}

func (b *tampered) Get(ctx context.Context, key string) (objectstore.Object, error) {
	obj, err := b.Store.Get(ctx, key)
	obj.Body = b.spoil(key, obj.Body)
	return obj, err
}

func TestEveryByteReadBackIsChecked(t *testing.T) {
	bucket := s3test.Bucket(t)
	good := skillstore.New(bucket)
	m := saved(t, good, wordCount())
	require.NoError(t, good.AddCase(t.Context(), m.Name, skill.Case{Query: "How many words?"}))

	replace := func(suffix, old, new string) *skillstore.S3 {
		return skillstore.New(&tampered{Store: bucket, spoil: func(key string, body []byte) []byte {
			if strings.HasSuffix(key, suffix) {
				return []byte(strings.ReplaceAll(string(body), old, new))
			}
			return body
		}})
	}
	version := func(s *skillstore.S3) error { _, err := s.Version(t.Context(), m.Name, 1); return err }
	head := func(s *skillstore.S3) error { _, err := s.Head(t.Context(), m.Name); return err }
	cases := func(s *skillstore.S3) error { _, err := s.Cases(t.Context(), m.Name); return err }
	file := func(s *skillstore.S3) error { _, err := s.File(t.Context(), m.Name, 1, "subagent.py"); return err }
	heads := func(s *skillstore.S3) error { _, err := s.Heads(t.Context(), "", 0); return err }
	code, ok := m.File("subagent.py")
	require.True(t, ok)

	for _, c := range []struct {
		name             string
		suffix, old, new string
		read             func(*skillstore.S3) error
	}{
		{"another entry file", "manifest.json", "subagent.py", "other.py", version},
		{"another digest", "manifest.json", m.Digest, strings.Repeat("0", 64), version},
		{"another version's number", "manifest.json", `"version": 1`, `"version": 2`, version},
		{"a cut manifest", "manifest.json", "}\n", "", version},
		{"something after a manifest", "manifest.json", "}\n", "}{}\n", version},
		{"another skill's head", "head.json", "word-count", "word-counter", head},
		{"a head without a generation", "head.json", "generation", "g", head},
		{"a head that is no JSON", "head.json", "{", "<", heads},
		{"another query of a case", "case.json", "words", "lines", cases},
		{"changed code", code.Digest, "answer", "reply", file},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.NoError(t, c.read(good))
			err := c.read(replace(c.suffix, c.old, c.new))
			require.ErrorIs(t, err, skillstore.ErrCorrupt)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestAMissingBlobIsCorruption(t *testing.T) {
	bucket := s3test.Bucket(t)
	saved(t, skillstore.New(bucket), wordCount())
	_, err := skillstore.New(withoutBlobs{bucket}).File(t.Context(), "word-count", 1, "subagent.py")
	require.ErrorIs(t, err, skillstore.ErrCorrupt)
	require.ErrorContains(t, err, "read subagent.py of word-count version 1")
}

type withoutBlobs struct{ objectstore.Store }

func (b withoutBlobs) Get(ctx context.Context, key string) (objectstore.Object, error) {
	if strings.HasPrefix(key, "blobs/") {
		return objectstore.Object{}, objectstore.ErrNotFound
	}
	return b.Store.Get(ctx, key)
}
