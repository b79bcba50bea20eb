package skillstore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"

	"agentfactory/internal/objectstore"
)

// Embedder turns texts into vectors that are near each other when the texts mean the same. It is safe for concurrent use.
type Embedder interface {
	// EmbeddingModel is the model that is configured now; "" is none.
	EmbeddingModel() string
	// Embed returns a vector for each text, all of the same length, and the tokens that it took, of a failed attempt too.
	Embed(ctx context.Context, model string, texts []string) (vectors [][]float32, tokens int64, err error)
}

// vectorShard is the record of a shard's vectors, kept apart so that workers without the model need not read it.
type vectorShard struct {
	Vectors map[string]storedVector `json:"vectors"` // by skill
}

// storedVector is computed once for each version of a skill.
type storedVector struct {
	Text   string `json:"text"`   // textDigest of what was embedded
	Vector []byte `json:"vector"` // float32, little-endian
}

func vectorsPrefix(model string) string { return catalogPrefix + "vectors/" + modelID(model) + "/" }

func vectorsKey(model, shard string) string { return vectorsPrefix(model) + shard + ".json" }

// modelKey names a model whose vectors are stored. Who creates it computes those that are missing.
func modelKey(model string) string { return catalogPrefix + "models/" + modelID(model) + ".json" }

func modelID(model string) string { return shortDigest(model) }

func shortDigest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// text is what is embedded. Cases are not part of it, so that a new one costs nothing.
func (e catalogEntry) text() string {
	return strings.ReplaceAll(e.Head.Name, "-", " ") + "\n" + e.Head.Description + "\n" + e.Interface
}

func (e catalogEntry) textDigest() string { return shortDigest(e.text()) }

func storeVector(text string, v []float32) storedVector {
	raw := make([]byte, 0, 4*len(v))
	for _, f := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
	}
	return storedVector{Text: text, Vector: raw}
}

func (v storedVector) numbers() []float32 {
	numbers := make([]float32, len(v.Vector)/4)
	for i := range numbers {
		numbers[i] = math.Float32frombits(binary.LittleEndian.Uint32(v.Vector[4*i:]))
	}
	return numbers
}

func (s *S3) embeddingModel() string {
	if s.embedder == nil {
		return ""
	}
	return s.embedder.EmbeddingModel()
}

// readVectors returns a shard's vectors with the ETag to swap them against. Corrupt ones are as good as none: they are
// computed again.
func (s *S3) readVectors(ctx context.Context, model, shard string) (vectorShard, string, error) {
	key := vectorsKey(model, shard)
	empty := vectorShard{Vectors: map[string]storedVector{}}
	obj, err := s.objects.Get(ctx, key)
	if errors.Is(err, objectstore.ErrNotFound) {
		return empty, "", nil
	}
	if err != nil {
		return empty, "", err
	}
	var v vectorShard
	if err := decode(key, obj.Body, &v); err != nil || v.Vectors == nil {
		slog.WarnContext(ctx, "stored embeddings are corrupt and will be computed again", "key", key, "error", err)
		return empty, obj.ETag, nil
	}
	return v, obj.ETag, nil
}

// takeVectors reads the vectors that changed and indexes them. Those of another model are forgotten.
func (s *S3) takeVectors(ctx context.Context, listed map[string]objectstore.Info) error {
	model := s.embeddingModel()
	s.catalog.reindex(s.catalog.useModel(model))
	if model == "" {
		return nil
	}
	if _, begun := listed[modelKey(model)]; !begun && s.swap(ctx, modelKey(model), "", map[string]string{"model": model}) == nil {
		s.later(ctx, "embed the library", s.embedMissing)
	}
	shards := s.catalog.outdated(listed, vectorsPrefix(model))
	_, err := each(ctx, shards, func(ctx context.Context, shard string) (struct{}, error) {
		v, etag, err := s.readVectors(ctx, model, shard)
		if err == nil {
			s.catalog.takeVectorShard(vectorsKey(model, shard), shard, etag, v)
		}
		return struct{}{}, err
	})
	s.catalog.reindex(s.catalog.skillsOf(shards)) // of those that were read, whatever became of the others
	return err
}

// useModel forgets the vectors of another model, and returns the skills that had one.
func (c *loadedCatalog) useModel(model string) (had []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.model == model {
		return nil
	}
	for shard, vectors := range c.vectors {
		had = slices.AppendSeq(had, maps.Keys(vectors))
		delete(c.etags, vectorsKey(c.model, shard))
	}
	c.model, c.vectors = model, map[string]map[string]storedVector{}
	return had
}

func (c *loadedCatalog) takeVectorShard(key, shard, etag string, v vectorShard) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.etags[key], c.vectors[shard] = etag, v.Vectors
}

func (c *loadedCatalog) skillsOf(shards []string) (names []string) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, shard := range shards {
		names = slices.AppendSeq(names, maps.Keys(c.shards[shard].Skills))
	}
	return names
}

// embedMissing computes the vectors that the library lacks.
func (s *S3) embedMissing(ctx context.Context) error {
	for n := range shardCount {
		if err := s.embedShard(ctx, fmt.Sprintf("%02x", n)); err != nil {
			return err
		}
	}
	return nil
}

// embedShard computes the vectors that a shard lacks. When another worker stores some at the same time, what was computed
// is kept for the next try.
func (s *S3) embedShard(ctx context.Context, shard string) error {
	model := s.embeddingModel()
	if model == "" {
		return nil
	}
	computed := map[string]storedVector{} // by text digest
	for {
		skills, _, err := s.readShard(ctx, shard)
		if err != nil {
			return err
		}
		stored, etag, err := s.readVectors(ctx, model, shard)
		if err != nil {
			return err
		}
		lacking := stored.lacking(skills)
		if len(lacking) == 0 {
			return nil
		}
		if err := s.embedTexts(ctx, model, lacking, computed); err != nil {
			return err
		}
		for name, text := range lacking {
			stored.Vectors[name] = computed[shortDigest(text)]
		}
		err = s.swap(ctx, vectorsKey(model, shard), etag, stored)
		if !errors.Is(err, objectstore.ErrChanged) && !errors.Is(err, objectstore.ErrExists) {
			return err
		}
	}
}

// lacking returns the texts of the skills without a vector of theirs.
func (v vectorShard) lacking(skills catalogShard) map[string]string {
	texts := map[string]string{}
	for name, e := range skills.Skills {
		if e.Head.Tombstone == nil && v.Vectors[name].Text != e.textDigest() {
			texts[name] = e.text()
		}
	}
	return texts
}

func (s *S3) embedTexts(ctx context.Context, model string, of map[string]string, computed map[string]storedVector) error {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		if _, ok := computed[shortDigest(of[name])]; !ok {
			texts = append(texts, of[name])
		}
	}
	vectors, _, err := s.embedder.Embed(ctx, model, texts) // no search waits for them, so none pays for them
	if err != nil {
		return err
	}
	if len(vectors) != len(texts) {
		return fmt.Errorf("embed %d texts with %s: %d vectors came back", len(texts), model, len(vectors))
	}
	for i, text := range texts {
		computed[shortDigest(text)] = storeVector(shortDigest(text), vectors[i])
	}
	return nil
}
