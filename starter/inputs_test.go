package main

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"agentfactory/activities"
	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/internal/objectstore"
)

func TestInputFilesAreCheckedEarly(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "data.csv", "a,b\n")
	write(t, "sub/data.csv", "c,d\n")
	require.NoError(t, os.Symlink("data.csv", "link.csv"))
	require.NoError(t, os.WriteFile("huge.bin", nil, 0o600))
	require.NoError(t, os.Truncate("huge.bin", activities.MaxInputFile+1))
	outside := filepath.Join(t.TempDir(), "outside.txt")
	require.NoError(t, os.WriteFile(outside, []byte("x"), 0o600))
	for name, c := range map[string]struct {
		files     []string
		paths     []string
		complaint string
	}{
		"a relative path stays":                   {[]string{"sub/data.csv"}, []string{"sub/data.csv"}, ""},
		"a relative path is cleaned":              {[]string{"./sub/../data.csv"}, []string{"data.csv"}, ""},
		"an absolute path becomes a base name":    {[]string{outside}, []string{"outside.txt"}, ""},
		"a path above becomes a base name":        {[]string{"../" + filepath.Base(dir) + "/data.csv"}, []string{"data.csv"}, ""},
		"a symlink of the user's is followed":     {[]string{"link.csv"}, []string{"link.csv"}, ""},
		"a missing file":                          {[]string{"none.csv"}, nil, "there is no such file"},
		"a directory":                             {[]string{"sub"}, nil, "is a directory"},
		"a device":                                {[]string{"/dev/null"}, nil, "not a regular file"},
		"a file that is too large":                {[]string{"huge.bin"}, nil, "may have 256 MiB"},
		"two files of one name":                   {[]string{"data.csv", dir + "/data.csv"}, nil, "would be called data.csv as well"},
		"more files than a run takes":             {make([]string, activities.MaxInputFiles+1), nil, "pack them into an archive"},
		"an empty name":                           {[]string{""}, nil, "there is no such file"},
		"a name that contains a NUL byte or such": {[]string{"a\x00b"}, nil, "invalid argument"},
	} {
		t.Run(name, func(t *testing.T) {
			files, err := inputsOf(c.files)
			if c.complaint != "" {
				require.ErrorContains(t, err, c.complaint)
				require.Equal(t, exitUsage, codeOf(err))
				return
			}
			require.NoError(t, err)
			var paths []string
			for _, f := range files {
				paths = append(paths, f.path)
			}
			require.Equal(t, c.paths, paths)
		})
	}
}

func TestAFileThatCannotBeRead(t *testing.T) {
	dir, err := os.MkdirTemp("", "starter-test-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	secret := filepath.Join(dir, "secret")
	require.NoError(t, os.WriteFile(secret, nil, 0o000))
	asAnybody(func() { _, err = inputsOf([]string{secret}) })
	require.ErrorContains(t, err, "--file "+secret+": permission denied")
	require.Equal(t, exitUsage, codeOf(err))
}

// asAnybody runs f on a thread that reads files with the rights of an ordinary user,
// also when the tests are run as root.
func asAnybody(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		const nobody = 65534
		_, _ = unix.SetfsuidRetUid(nobody) // an ordinary user stays who it is
		f()
	}()
	<-done
}

func TestSmallFilesTravelInsideTheInputAndLargeOnesAreUploaded(t *testing.T) {
	t.Chdir(t.TempDir())
	binary := []byte{0xff, 0, 1}
	large := bytes.Repeat([]byte("large "), activities.MaxInlineFiles/6)
	write(t, "text.txt", "Grüße")
	write(t, "binary.bin", string(binary))
	write(t, "empty.txt", "")
	write(t, "large.txt", string(large))
	files, err := inputsOf([]string{"text.txt", "binary.bin", "large.txt", "empty.txt"})
	require.NoError(t, err)
	store := s3test.Bucket(t)
	blobs, err := objectstore.NewBlobs(store, "", 0)
	require.NoError(t, err)

	inputs, err := files.hand(t.Context(), blobs)

	require.NoError(t, err)
	require.Equal(t, "Grüße", inputs[0].Text)
	require.Equal(t, base64.StdEncoding.EncodeToString(binary), inputs[1].Base64)
	require.Equal(t, objectstore.BlobKey(objectstore.DigestOf(large)), inputs[2].Key)
	require.Empty(t, inputs[3].Text+inputs[3].Base64+inputs[3].Key, "an empty file stays inside although the room is used up")
	uploaded, err := blobs.Get(t.Context(), objectstore.DigestOf(large))
	require.NoError(t, err)
	require.Equal(t, large, uploaded)
}

// The encoding of a binary file takes more room than the file.
func TestNoMoreIsHandedInlineThanTheWorkflowTakes(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "a.bin", strings.Repeat("\xff", activities.MaxInlineFiles-10))
	files, err := inputsOf([]string{"a.bin"})
	require.NoError(t, err)
	in, err := files[0].inline(activities.MaxInlineFiles)
	require.NoError(t, err)
	require.Nil(t, in)
}

func write(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}
