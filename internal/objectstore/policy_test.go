package objectstore

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// actionOf is what AWS's Service Authorization Reference names for an operation.
var actionOf = map[string]string{
	"GetObject": "s3:GetObject", "PresignGetObject": "s3:GetObject", "HeadObject": "s3:GetObject", "PutObject": "s3:PutObject",
	"ListObjectsV2": "s3:ListBucket",
}

// ofOwner are the files whose operations only the embedded server needs, which makes its own bucket.
var ofOwner = []string{"ensure.go"}

// operations are the S3 operations that the files of this package call.
func operations(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	found := map[string]string{} // where
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || slices.Contains(ofOwner, name) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if f, ok := call.Fun.(*ast.SelectorExpr); ok && ofClient(f.X) {
					found[f.Sel.Name] = name
				}
			}
			return true
		})
	}
	delete(found, "Options") // of the client, no operation
	return found
}

// ofClient tells the client itself, and what signs requests for it, from other receivers.
func ofClient(receiver ast.Expr) bool {
	switch x := receiver.(type) {
	case *ast.SelectorExpr:
		return x.Sel.Name == "client"
	case *ast.CallExpr:
		made, ok := x.Fun.(*ast.SelectorExpr)
		return ok && made.Sel.Name == "NewPresignClient"
	}
	return false
}

// statement is one of a bucket policy; AWS allows a string where a list has one member.
type statement struct {
	Effect   string
	Action   oneOrMore
	Resource oneOrMore
}

type oneOrMore []string

func (l *oneOrMore) UnmarshalJSON(text []byte) error {
	if text[0] != '"' {
		return json.Unmarshal(text, (*[]string)(l))
	}
	*l = make([]string, 1)
	return json.Unmarshal(text, &(*l)[0])
}

func TestTheBucketPolicyAllowsWhatIsCalledAndNothingMore(t *testing.T) {
	called := operations(t)
	require.ElementsMatch(t, []string{"GetObject", "PresignGetObject", "HeadObject", "PutObject", "ListObjectsV2"}, slices.Collect(maps.Keys(called)),
		"another operation needs an action in docs/security/bucket-policy.json")
	needed := map[string]bool{}
	for operation := range called {
		needed[actionOf[operation]] = true
	}
	text, err := os.ReadFile("../../docs/security/bucket-policy.json")
	require.NoError(t, err)
	var policy struct{ Statement []statement }
	require.NoError(t, json.Unmarshal(text, &policy))
	allowed := map[string]bool{}
	for _, s := range policy.Statement {
		if s.Effect != "Allow" {
			continue
		}
		for _, action := range s.Action {
			allowed[action] = true
		}
		for _, resource := range s.Resource {
			require.Equal(t, slices.Contains(s.Action, "s3:ListBucket"), resource == "arn:aws:s3:::BUCKET", "buckets are listed, objects read and written")
		}
	}
	require.Equal(t, needed, allowed)
}
