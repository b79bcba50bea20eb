package checking

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestAPerturbedAnswerIsWrongInEveryNumberAndWord(t *testing.T) {
	for name, c := range map[string]struct{ right, wrong string }{
		"a sentence":                  {"The total is 1,204.50 EUR in 3 rows.", "ehT latot si 5,678.97 RUE ni 7 swor."},
		"a number alone":              {"42", "86"},
		"zero":                        {"0", "7"},
		"a small number":              {"0.05", "7.79"},
		"a negative number":           {"-7 degrees", "-2 seerged"},
		"an exponent":                 {"about 6.02e23", "tuoba 1.76e23"},
		"a date":                      {"2024-01-31", "6768-75-75"},
		"a short word":                {"no", "on"},
		"a choice":                    {"B", "wrong"},
		"a palindrome":                {"Anna", "wrong"},
		"accents and other scripts":   {"Größe 東京", "eßörG 京東"},
		"punctuation alone":           {"?!", "wrong"},
		"white space alone":           {" \n", "wrong"},
		"a file name":                 {"wrote out/sales.csv", "etorw tuo/selas.vsc"},
		"a JSON object":               {`{"total": 10, "ok": true, "of": null, "name": "Sales"}`, `{"total": 57, "ok": false, "of": 0, "name": "selaS"}`},
		"keys in JSON strings":        {`{"a : b": "c\": d"}`, `{"a : b": "wrong\": wrong"}`},
		"JSON with an empty text":     {`[""]`, `["wrong"]`},
		"JSON without leaves":         {`{"rows": []}`, `null`},
		"JSON null":                   {`null`, `0`},
		"several JSON values":         {"{\"n\": 1}\n{\"n\": 2}\n", "{\"n\": 5}\n{\"n\": 6}\n"},
		"text that begins like JSON":  {`{"n": 1} rows`, `{"wrong": 5} swor`},
		"text in JSON, with entities": {`["a < b"]`, `["wrong \u003c wrong"]`},
	} {
		t.Run(name, func(t *testing.T) {
			wrong, ok := Perturb(Output{Answer: c.right})
			require.True(t, ok)
			require.Equal(t, c.wrong, wrong.Answer)
		})
	}
}

func TestPerturbedFilesKeepTheirForm(t *testing.T) {
	for name, c := range map[string]struct{ path, right, wrong string }{
		"a table keeps its header":       {"a.csv", "region,sum\nNorth,12\n", "region,sum\nhtroN,56\n"},
		"a table of a header alone":      {"a.TSV", "region\tsum\n", "noiger\tmus\n"},
		"JSON keeps its keys":            {"a.json", `{"sum": 12}`, `{"sum": 56}`},
		"text keeps its lines":           {"README.md", "# Usage\n\nrun it\n", "# egasU\n\nnur ti\n"},
		"binary content is cut":          {"a.png", "\x89PNG\x00abcdIEND", "G\x00abcd"[:6]},
		"a byte that is no text is gone": {"a.bin", "\x00", ""},
		"an empty file stays empty":      {"empty", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			wrong, _ := Perturb(Output{Answer: "x", Files: map[string][]byte{c.path: []byte(c.right)}})
			require.Equal(t, c.wrong, string(wrong.Files[c.path]))
		})
	}
}

func TestAnEmptyOutputCannotBePerturbed(t *testing.T) {
	for name, o := range map[string]Output{
		"nothing":        {},
		"files of 0":     {Files: map[string][]byte{"a": nil, "b": {}}},
		"what is Empty":  Empty(Output{Answer: "x", Files: map[string][]byte{"a": []byte("x")}}),
		"a map of files": {Files: map[string][]byte{}},
	} {
		t.Run(name, func(t *testing.T) {
			_, ok := Perturb(o)
			require.False(t, ok)
		})
	}
}

func TestAnEmptyOutputHasTheSameFiles(t *testing.T) {
	full := Output{Answer: "x", Files: map[string][]byte{"a.txt": []byte("1"), "b": nil}}
	require.Equal(t, Output{Files: map[string][]byte{"a.txt": {}, "b": {}}}, Empty(full))
	require.Equal(t, Output{}, Empty(Output{Answer: "x"}))
	require.Equal(t, []byte("1"), full.Files["a.txt"])
}

func FuzzPerturb(f *testing.F) {
	for _, seed := range []string{
		"", "The sum is 12.", `{"a": [1, "b", true, null]}`, "a,b\n1,2\n", "\x00\x01", "\xff", "w", "wrong", "wronggnorw", "e\u0301", "00", "1e5e5",
		`"\ud800"`, "[[[]]]", "1 2 3", "{}", "\r\n", "-0.0e-0", "ǅ", "\"\u2028\"",
	} {
		f.Add(seed, []byte(seed), "a.csv")
	}
	f.Fuzz(func(t *testing.T, answer string, content []byte, path string) {
		before := Output{Answer: answer, Files: map[string][]byte{path: bytes.Clone(content)}}
		wrong, ok := Perturb(before)
		again, _ := Perturb(before)
		require.Equal(t, wrong, again)
		require.True(t, bytes.Equal(content, before.Files[path]), "the output itself was changed")
		require.Equal(t, answer != "" || len(content) > 0, ok)
		requireOther(t, answer, wrong.Answer)
		if isText(content) {
			requireOther(t, string(content), string(wrong.Files[path]))
		} else {
			require.Less(t, len(wrong.Files[path]), len(content))
		}
	})
}

func requireOther(t *testing.T, right, wrong string) {
	t.Helper()
	require.Equal(t, right == "", right == wrong)
	if utf8.ValidString(right) {
		require.True(t, utf8.ValidString(wrong))
	}
	if !strings.Contains(right, "\n") { // a table is no JSON
		require.True(t, json.Valid([]byte(wrong)) || !json.Valid([]byte(right)) || !utf8.ValidString(right), "%q is no JSON any more: %q", right, wrong)
	}
}

func BenchmarkPerturb(b *testing.B) {
	for name, row := range map[string]string{"text": "The total of 1,204.50 EUR is that of 37 rows.\n", "JSON": `{"region": "North", "sum": 1204.5, "ok": true}` + "\n"} {
		b.Run(name, func(b *testing.B) {
			o := Output{Answer: strings.Repeat(row, 1<<20/len(row))}
			b.SetBytes(int64(len(o.Answer)))
			for b.Loop() {
				Perturb(o)
			}
		})
	}
}
