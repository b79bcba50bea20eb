package checking

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnswersAreTheSameUpToWhiteSpaceAndTheLastDigits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"3 words", "3  words\n", true},
		{"total=1.0000001", "total=1.0000002", true},
		{"1e3 files", "1000 files", true},
		{"3 words", "4 words", false},
		{"3 words", "three words", false},
		{"a b", "a b c", false},
		{"x1y2", "x1y3", false},
		{"", "", true},
	} {
		require.Equal(t, c.same, SameAnswer(c.a, c.b), "%q and %q", c.a, c.b)
	}
}

func FuzzSameAnswer(f *testing.F) {
	f.Add("3 words", "3.0 words")
	f.Add("1e999", "-1e999")
	f.Fuzz(func(t *testing.T, a, b string) {
		if !SameAnswer(a, a) {
			t.Fatalf("%q differs from itself", a)
		}
		if SameAnswer(a, b) != SameAnswer(b, a) {
			t.Fatalf("%q and %q depend on their order", a, b)
		}
	})
}
