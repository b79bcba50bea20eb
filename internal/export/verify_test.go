package export_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/export"
)

func TestWhatWasMadeVerifies(t *testing.T) {
	s := withCases(wordCount(t), 3)
	other := stored(t, "calendar", "Says which day a date is.", map[string]string{"subagent.py": "def main(query):\n    return {'answer': query, 'summary': ''}\n"})
	for _, f := range export.Formats() {
		t.Run(f.Name, func(t *testing.T) {
			skills := []export.Skill{s}
			if f.Many {
				skills = append(skills, other)
			}
			a := made(t, f.Name, export.Options{Cases: true}, skills...)
			r, err := export.Verify(kept(t, a))
			require.NoError(t, err)
			require.Empty(t, r.Problems)
			require.True(t, r.OK())
			require.Equal(t, digest(a.Data), r.SHA256)
			require.True(t, strings.HasPrefix(f.Name, r.Format), r.Format)
			require.Equal(t, a.Skills, r.Skills)
			if len(a.Tree) > 1 {
				r, err = export.Verify(unpacked(t, a))
				require.NoError(t, err)
				require.Empty(t, r.Problems)
				require.Equal(t, a.Skills, r.Skills)
			}
		})
	}
}

func TestAProgramThatRanStillVerifies(t *testing.T) {
	a := made(t, "agent-skills", export.Options{Cases: true}, wordCount(t))
	dir := unpacked(t, a)
	require.Equal(t, "2 words", call(t, t.TempDir(), python(t), filepath.Join(dir, a.Programs["word-count"]), "a b").answer)
	r, err := export.Verify(filepath.Join(dir, "word-count"))
	require.NoError(t, err)
	require.Empty(t, r.Problems)
}

// TestAFlippedBitIsFound changes one bit anywhere in the file.
func TestAFlippedBitIsFound(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	s := withCases(wordCount(t), 2)
	for _, f := range export.Formats() {
		if strings.HasPrefix(f.Name, "agent-skills-") {
			continue
		}
		a := made(t, f.Name, export.Options{Cases: true}, s)
		places := []int{0, 1, len(a.Data) / 2, len(a.Data) - 1}
		for range 150 {
			places = append(places, random.IntN(len(a.Data)))
		}
		for i := range min(200, len(a.Data)) { // where an archive has its directory
			places = append(places, len(a.Data)-1-i)
		}
		for _, at := range places {
			changed := slices.Clone(a.Data)
			changed[at] ^= 1 << random.IntN(8)
			if r, err := export.VerifyBytes(changed); err == nil {
				require.False(t, r.OK(), "%s: byte %d of %d", f.Name, at, len(a.Data))
			} else {
				require.ErrorIs(t, err, export.ErrNotAnArtifact)
			}
		}
	}
}

func TestVerifySaysWhatIsWrong(t *testing.T) {
	a := made(t, "agent-skills", export.Options{Cases: true}, wordCount(t))
	for _, c := range []struct {
		name   string
		change func(t *testing.T, dir string)
		says   string
	}{
		{"a changed file", func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "scripts/skill/words.py"), []byte("import os"), 0o644))
		}, "scripts/skill/words.py: its content is not that of SHA256SUMS"},
		{"a file more", func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "scripts/runtime/json.py"), nil, 0o644))
		}, "scripts/runtime/json.py: it is not listed in SHA256SUMS"},
		{"a file less", func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, "references/interface.md")))
		}, "references/interface.md: it is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(unpacked(t, a), "word-count")
			c.change(t, dir)
			r, err := export.Verify(dir)
			require.NoError(t, err)
			require.NotEmpty(t, r.Problems)
			require.Equal(t, c.says, r.Problems[0].String())
		})
	}
}

// TestForgedSumsDoNotHideOtherCode makes an artifact whose sums are right and whose code is not that of the version named.
func TestForgedSumsDoNotHideOtherCode(t *testing.T) {
	s := wordCount(t)
	s.Code["words.py"] = []byte("def count(text):\n    return 42\n")
	for _, format := range []string{"agent-skills", "claude-plugin", "python", "python-script", "mcp"} {
		r, err := export.VerifyBytes(made(t, format, export.Options{Cases: true}, s).Data)
		require.NoError(t, err)
		require.Len(t, r.Problems, 1, format)
		require.Contains(t, r.Problems[0].String(), "it is not the words.py of word-count, version 3")
	}
}

func TestWhatIsNoArtifactIsSaidToBeNone(t *testing.T) {
	for name, data := range map[string]string{"nothing": "", "text": "hello", "a broken archive": "PK\x03\x04 and no more", "python": "print(1)\n"} {
		t.Run(name, func(t *testing.T) {
			_, err := export.VerifyBytes([]byte(data))
			require.ErrorIs(t, err, export.ErrNotAnArtifact)
			require.NotContains(t, err.Error(), "\n")
		})
	}
	_, err := export.Verify(t.TempDir())
	require.ErrorIs(t, err, export.ErrNotAnArtifact)

	dir := t.TempDir()
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "SHA256SUMS")))
	_, err = export.Verify(dir)
	require.ErrorIs(t, err, export.ErrNotAnArtifact)
}

func TestSumsAreWhatSha256sumReads(t *testing.T) {
	dir := filepath.Join(unpacked(t, made(t, "agent-skills", export.Options{Cases: true}, withCases(wordCount(t), 2))), "word-count")
	cmd := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "--quiet", export.SumsFile)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// FuzzVerify begins with artifacts that are small, for what is to be broken is how they are read.
func FuzzVerify(f *testing.F) {
	text := []byte("x")
	sums := digest(text) + "  a\n" + digest([]byte("{}")) + "  provenance.json\n"
	for _, tree := range []export.Tree{
		{"x/a": {Data: text}, "x/provenance.json": {Data: []byte("{}")}, "x/SHA256SUMS": {Data: []byte(sums)}},
		{"a": {Data: text}, "x.dist-info/RECORD": {Data: []byte("a,sha256=,1\nx.dist-info/RECORD,,\n")}, "x.dist-info/provenance.json": {Data: []byte("{}")}},
	} {
		data, err := tree.Zip()
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add(made(f, "prompt", export.Options{}, wordCount(f)).Data)
	f.Add([]byte("# agentfactory-digest: sha256:" + digest(nil) + "\nFILES = {\n}  # end of FILES\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := export.VerifyBytes(data); err != nil {
			require.ErrorIs(t, err, export.ErrNotAnArtifact)
			require.NotContains(t, err.Error(), "\n")
		}
	})
}
