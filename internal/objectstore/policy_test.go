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

// actionOfVersion is the same for operations that name versions of objects.
var actionOfVersion = map[string]string{
	"ListObjectVersions": "s3:ListBucketVersions", "HeadObject": "s3:GetObjectVersion", "DeleteObject": "s3:DeleteObjectVersion",
}

const (
	ofOwner     = "ensure.go"   // its operations are the embedded server's alone, which makes its own bucket
	ofCollector = "versions.go" // its operations are those of gc alone
)

// operations are the S3 operations that a file of this package calls.
func operations(t *testing.T, name string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if f, ok := call.Fun.(*ast.SelectorExpr); ok && ofClient(f.X) {
				found[f.Sel.Name] = true
			}
		}
		return true
	})
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
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	called := map[string]bool{}
	for _, name := range files {
		if !strings.HasSuffix(name, "_test.go") && name != ofOwner && name != ofCollector {
			maps.Copy(called, operations(t, name))
		}
	}
	require.Equal(t, actions(t, called, actionOf), allowedBy(t, "bucket-policy.json"))
}

func TestTheCollectorsPolicyAllowsWhatIsCalledAndNothingMore(t *testing.T) {
	require.Equal(t, actions(t, operations(t, ofCollector), actionOfVersion), allowedBy(t, "bucket-policy-gc.json"))
}

// actions are what the operations need; each operation that is known is called.
func actions(t *testing.T, called map[string]bool, of map[string]string) map[string]bool {
	t.Helper()
	require.ElementsMatch(t, slices.Collect(maps.Keys(of)), slices.Collect(maps.Keys(called)), "another operation needs an action in docs/security")
	needed := map[string]bool{}
	for operation := range called {
		needed[of[operation]] = true
	}
	return needed
}

// allowedBy are the actions that a policy allows: on the bucket where they list, on objects where they do not.
func allowedBy(t *testing.T, policyFile string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../docs/security", policyFile))
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
			for _, resource := range s.Resource {
				require.Equal(t, strings.HasPrefix(action, "s3:List"), resource == "arn:aws:s3:::BUCKET", "%s on %s", action, resource)
			}
		}
	}
	return allowed
}
