package onefile_test

import (
	"encoding/base64"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/export/onefile"
)

var files = map[string][]byte{
	"plain.py":        []byte("def main(query):\n\treturn 1\n"),
	"quotes.py":       []byte("a = '''x'''\nb = \"\"\"y\"\"\" + '\\'' + \"\\\\\"\n''''"),
	"empty":           {},
	"ends in a quote": []byte("it's '"),
	"backslash":       []byte(`\`),
	"line ends":       []byte("a\r\nb\rc\fd\u2028e\u0085"),
	"metadata.py":     []byte("# /// script\n# dependencies = []\n# ///\n"),
	"end.py":          []byte("}  # end of FILES\nFILES = {\n"),
	"nul":             []byte("a\x00b"),
	"binary":          {0xff, 0xfe, 0x00},
	"unicode":         []byte("é音😀\ufeff\u200d\u0301"),
	`a "path"\ '`:     []byte("x"),
}

func TestFilesComeBackAsTheyWere(t *testing.T) {
	script := "import base64\n" + string(onefile.Write(files)) + "print(1)\n"
	got, err := onefile.Read([]byte(script))
	require.NoError(t, err)
	require.Equal(t, files, got)
	require.NotContains(t, script, "\n# ///", "a reader of inline metadata would take it for the script's")
}

func TestPythonReadsTheSame(t *testing.T) {
	script := "import base64, json\n" + string(onefile.Write(files)) +
		"print(json.dumps({k: base64.b64encode(v if isinstance(v, bytes) else v.encode()).decode() for k, v in FILES.items()}))\n"
	cmd := exec.CommandContext(t.Context(), "python3", "-")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.Output()
	require.NoError(t, err)
	var got map[string]string
	require.NoError(t, json.Unmarshal(out, &got))
	require.Len(t, got, len(files))
	for path, encoded := range got {
		data, err := base64.StdEncoding.DecodeString(encoded)
		require.NoError(t, err)
		require.Equal(t, string(files[path]), string(data), path)
	}
}

func TestWhatWriteDidNotWriteIsRefused(t *testing.T) {
	for name, script := range map[string]string{
		"nothing":        "",
		"no end":         "\nFILES = {\n\"a\": '''\\\ntext''',\n",
		"no end of text": "\nFILES = {\n\"a\": '''\\\ntext",
		"other code":     "\nFILES = {\n\"a\": open('x'),\n}  # end of FILES\n",
		"other escapes":  "\nFILES = {\n\"a\": '''\\\n\\x41''',\n}  # end of FILES\n",
		"no base64":      "\nFILES = {\n\"a\": base64.b64decode(\"!\"),\n}  # end of FILES\n",
		"a path twice":   "\nFILES = {\n\"a\": '''\\\n''',\n\"a\": '''\\\n''',\n}  # end of FILES\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := onefile.Read([]byte(script))
			require.ErrorIs(t, err, onefile.ErrNoFiles)
		})
	}
}

func FuzzFilesComeBack(f *testing.F) {
	for path, data := range files {
		f.Add(path, data)
	}
	f.Fuzz(func(t *testing.T, path string, data []byte) {
		if !json.Valid([]byte(`"`+path+`"`)) || strings.ToValidUTF8(path, "") != path {
			return
		}
		want := map[string][]byte{path: append([]byte{}, data...)}
		got, err := onefile.Read(append([]byte("\n"), onefile.Write(want)...))
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func FuzzRead(f *testing.F) {
	f.Add(append([]byte("\n"), onefile.Write(files)...))
	f.Fuzz(func(t *testing.T, script []byte) {
		got, err := onefile.Read(script)
		if err != nil {
			require.ErrorIs(t, err, onefile.ErrNoFiles)
			return
		}
		again, err := onefile.Read(append([]byte("\n"), onefile.Write(got)...))
		require.NoError(t, err)
		require.Equal(t, got, again)
	})
}
