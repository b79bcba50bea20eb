package upkeep

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
	"agentfactory/internal/record"
	"agentfactory/skillstore"
)

// save backs up the live library.
func (b *bucketful) save(path string) Saved {
	b.t.Helper()
	to, err := NewWriter(path)
	require.NoError(b.t, err)
	saved, err := Backup(b.t.Context(), b.bucket, b.libraries, "", to)
	require.NoError(b.t, err)
	return saved
}

func restoreInto(t *testing.T, bucket *objectstore.Bucket, path string) (Saved, error) {
	t.Helper()
	return Restore(t.Context(), bucket, skillstore.New(bucket), path)
}

func TestALibraryComesBackWhole(t *testing.T) {
	for name, file := range map[string]string{"from one file": "library.tar.zst", "from a directory": "library"} {
		t.Run(name, func(t *testing.T) {
			b := filled(t)
			path := filepath.Join(t.TempDir(), file)
			saved := b.save(path)
			require.Equal(t, 1, saved.Skills)
			require.Empty(t, saved.Missing)

			other := s3test.Bucket(t)
			restored, err := restoreInto(t, other, path)
			require.NoError(t, err)
			require.Equal(t, saved, restored)
			copied := &bucketful{t: t, bucket: other}
			require.Empty(t, copied.check(Inspection{}), "nothing is missing in it")
			was, is := b.stored(), copied.stored()
			for key, etag := range was {
				if strings.HasPrefix(key, "skills/") || strings.HasPrefix(key, "uses/") {
					require.Equal(t, etag, is[key], key)
				}
			}
			require.Contains(t, is, b.journal+"/000001.json", "cases are replayed from it")
			require.NotContains(t, is, objectstore.BlobKey(b.orphan))
			found, err := skillstore.New(other).Search(t.Context(), "count words", 5)
			require.NoError(t, err)
			require.Len(t, found.Hits, 1)

			_, err = restoreInto(t, other, path)
			require.NoError(t, err, "doing it again is harmless")
			_, err = NewWriter(path)
			require.ErrorContains(t, err, "it exists already")
		})
	}
}

func TestALibraryWithSomethingElseInItIsNotRestoredInto(t *testing.T) {
	b, other := filled(t), filled(t)
	path := filepath.Join(t.TempDir(), "library.tar.zst")
	b.save(path)
	other.skill("other-skill", "def main(query): return {}\n")
	before := other.stored()
	_, err := restoreInto(t, other.bucket, path)
	require.ErrorIs(t, err, ErrNotEmpty)
	require.ErrorContains(t, err, "AGENTFACTORY_S3_PREFIX")
	require.Equal(t, before, other.stored())
}

func TestADamagedBackupIsNotRestored(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, dir string){
		"a blob was changed":       func(t *testing.T, dir string) { rewrite(t, dir, "blobs/") },
		"a head was changed":       func(t *testing.T, dir string) { rewrite(t, dir, "head.json") },
		"its contents are missing": func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, contentsFile))) },
		"a newer program wrote it": func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, summaryFile), []byte(`{"format":2}`), 0o600))
		},
		"its contents lack a line": func(t *testing.T, dir string) {
			path := filepath.Join(dir, contentsFile)
			contents, err := os.ReadFile(path)
			require.NoError(t, err)
			whole := bytes.SplitAfter(contents, []byte("\n"))
			require.NoError(t, os.WriteFile(path, bytes.Join(whole[:len(whole)-2], nil), 0o600))
		},
		"a file is missing": func(t *testing.T, dir string) {
			require.NoError(t, os.RemoveAll(filepath.Join(dir, "records", "uses")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := filled(t)
			dir := filepath.Join(t.TempDir(), "library")
			b.save(dir)
			damage(t, dir)
			other := &bucketful{t: t, bucket: s3test.Bucket(t)}
			_, err := restoreInto(t, other.bucket, dir)
			require.Error(t, err)
			require.Empty(t, other.stored())
		})
	}
	t.Run("it is cut off", func(t *testing.T) {
		b := filled(t)
		path := filepath.Join(t.TempDir(), "library.tar.zst")
		b.save(path)
		whole, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, n := range []int{0, 10, len(whole) / 2, len(whole) - 1} {
			require.NoError(t, os.WriteFile(path, whole[:n], 0o600))
			other := &bucketful{t: t, bucket: s3test.Bucket(t)}
			_, err := restoreInto(t, other.bucket, path)
			require.Error(t, err, n)
			require.Empty(t, other.stored())
		}
	})
}

func TestWhatIsNoBackupIsToldAsSuch(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "letter.txt"), []byte("Dear"), 0o600))
	_, err := restoreInto(t, s3test.Bucket(t), dir)
	require.ErrorIs(t, err, errNoBackup)
	_, err = restoreInto(t, s3test.Bucket(t), filepath.Join(dir, "letter.txt"))
	require.ErrorContains(t, err, "the backup is damaged, or it is none: ")
}

func TestABackupIsWrittenToAFileThatItCanBeReadFrom(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"library.tar.gz", "library.zip", "library.zst", "-"} {
		_, err := NewWriter(name)
		require.ErrorContains(t, err, "give a name that ends in .tar.zst, or a directory", name)
	}
	filled(t).save(dir + "/library/")
	require.FileExists(t, filepath.Join(dir, "library", contentsFile))
}

// What a newer program refers to may stand in fields that this one does not know.
func TestALibraryWithNewerRecordsIsNotBackedUpInPart(t *testing.T) {
	b := filled(t)
	b.spoil(manifestKey, replacing(`"format": 1`, `"format": 2`))
	path := filepath.Join(t.TempDir(), "library.tar.zst")
	to, err := NewWriter(path)
	require.NoError(t, err)
	_, err = Backup(t.Context(), b.bucket, b.libraries, "", to)
	require.ErrorIs(t, err, record.ErrNewer)
	require.ErrorContains(t, err, manifestKey)
	require.NoFileExists(t, path)
}

func TestALibraryThatWasDeletedByHandIsNotRestoredOver(t *testing.T) {
	b := filled(t)
	path := filepath.Join(t.TempDir(), "library.tar.zst")
	b.save(path)
	for key := range b.stored() {
		s3test.Delete(t, b.bucket, key)
	}
	_, err := restoreInto(t, b.bucket, path)
	require.ErrorIs(t, err, objectstore.ErrHidden)
	require.ErrorContains(t, err, "AGENTFACTORY_S3_PREFIX")
}

// rewrite changes the first file whose path holds this.
func rewrite(t *testing.T, dir, part string) {
	t.Helper()
	done := false
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || done || !strings.Contains(path, part) {
			return err
		}
		done = true
		return os.WriteFile(path, []byte("{}"), 0o600)
	}))
	require.True(t, done)
}

func TestTeamsInOneBucketDoNotSeeEachOther(t *testing.T) {
	whole := s3test.Bucket(t)
	part := func(prefix string) *objectstore.Bucket {
		p, err := whole.Under(prefix)
		require.NoError(t, err)
		return p
	}
	red, blue := fill(t, part("team-red")), fill(t, part("team-blue"))
	before := red.stored()
	blue.skill("of-blue-alone", "def main(query): return {}\n")
	require.Equal(t, before, red.stored())
	heads, err := red.libraries.Live().Heads(t.Context(), "", 0)
	require.NoError(t, err)
	require.Len(t, heads, 1)

	blueBefore := blue.stored()
	red.collect(later(Collection{Delete: true}))
	require.False(t, red.has(objectstore.BlobKey(red.orphan)))
	require.Equal(t, blueBefore, blue.stored(), "what one team takes away is its own")
	require.Empty(t, red.check(Inspection{}))
	require.Empty(t, blue.check(Inspection{}))

	folders, err := whole.Folders(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, []string{"team-blue", "team-red"}, folders)
	for _, bad := range []string{"/", "a//b", "../x", "-a", strings.Repeat("a", 100)} {
		_, err := whole.Under(bad)
		require.ErrorIs(t, err, objectstore.ErrInvalidKey, bad)
	}
}
