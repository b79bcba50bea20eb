package upkeep

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"agentfactory/internal/objectstore"
)

// reference is a field of a record that names a blob or another record.
type reference struct {
	field string             // its path, such as files[2].digest
	blob  objectstore.Digest // or
	key   string
}

// What fields of records refer to, by their names. A file is an object with path, digest and size.
var (
	blobFields = map[string]bool{"lock": true, "index": true}
	keyFields  = map[string]bool{
		"parent": true, "turn": true, "failed": true, "transcript": true, "workspace": true, "initial_workspace": true, "step": true,
		"answer_key": true, "tasks_key": true, "full_observation": true, "key": true,
	}
	// What models, services and people said is no reference, whatever its fields are called.
	foreignFields = map[string]bool{"request": true, "reply": true, "added": true, "observation": true, "metadata": true, "check": true}
)

// referred matches the keys of what a record names wherever it lies. Keys of a library (skills/, lessons/) mean the library
// that a run worked with, which the record of the run alone does not tell apart.
var referred = regexp.MustCompile(`^(?:runs|evaluations|exports|blobs)/`)

// references finds those of a record. The body is JSON.
func references(body []byte) (found []reference, err error) {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return nil, err
	}
	seek(v, "", &found)
	return found, nil
}

func seek(v any, path string, found *[]reference) {
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			seek(item, fmt.Sprintf("%s[%d]", path, i), found)
		}
	case map[string]any:
		seekFile(v, path, found)
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if !foreignFields[name] {
				seekField(name, v[name], strings.TrimPrefix(path+"."+name, "."), found)
			}
		}
	}
}

// seekFile takes a file's digest for a reference, and that of an answer's text, which has a size alone.
func seekFile(v map[string]any, path string, found *[]reference) {
	digest, _ := v["digest"].(string)
	_, sized := v["size"].(float64)
	_, placed := v["path"].(string)
	if digest != "" && (sized || placed) {
		*found = append(*found, reference{field: strings.TrimPrefix(path+".digest", "."), blob: objectstore.Digest(digest)})
	}
	answer, _ := v["answer"].(string)
	if answer != "" && sized {
		*found = append(*found, reference{field: strings.TrimPrefix(path+".answer", "."), blob: objectstore.Digest(answer)})
	}
}

func seekField(name string, v any, path string, found *[]reference) {
	text, isText := v.(string)
	switch {
	case !isText:
		seek(v, path, found)
	case text == "":
	case blobFields[name]:
		*found = append(*found, reference{field: path, blob: objectstore.Digest(text)})
	case keyFields[name] && referred.MatchString(text) && objectstore.CheckKey(text) == nil:
		*found = append(*found, toKey(path, text))
	}
}

// toKey is a reference by key, which may be that of a blob.
func toKey(field, key string) reference {
	if d, isBlob := objectstore.DigestOfKey(key); isBlob {
		return reference{field: field, blob: d}
	}
	return reference{field: field, key: key}
}
