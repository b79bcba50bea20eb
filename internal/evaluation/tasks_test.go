package evaluation

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestATasksFileIsReadWithAllThatItsLinesMaySay(t *testing.T) {
	tasks, err := Parse("data/offline-1.jsonl", []byte("\ufeff"+`// tasks of the first batch

{"id":"sum","category":"data","task":"Add up","files":["data/sales.csv",{"path":"in/notes.txt","text":"1"},{"path":"e","base64":"AAE="}],"check":{"script":"def check(query, answer):\n    assert answer == '6'"}}`+"\r\n"+
		`{"task":"No id","batch":"other","reference":"42","check":{"rubric":"names the month"}}`+"\n"+
		`{"task":"Not checked","check":null,"files":[]}`))
	require.NoError(t, err)
	require.Equal(t, []Task{
		{
			ID: "sum", Batch: "offline-1", Category: "data", Task: "Add up",
			Files: []File{{Path: "sales.csv", File: "data/sales.csv"}, {Path: "in/notes.txt", Text: "1"}, {Path: "e", Base64: "AAE="}},
			Check: &Check{Script: "def check(query, answer):\n    assert answer == '6'"},
		},
		{ID: "other-4", Batch: "other", Task: "No id", Reference: "42", Check: &Check{Rubric: "names the month"}},
		{ID: "offline-1-5", Batch: "offline-1", Task: "Not checked"},
	}, tasks)
	again, err := Parse("again.jsonl", Encode(tasks))
	require.NoError(t, err)
	require.Equal(t, tasks, again)
}

func TestEachBadLineIsToldWithItsNumberAndWhatToDo(t *testing.T) {
	for name, c := range map[string]struct{ line, want string }{
		"an unknown field":               {`{"task":"x","refrence":"1"}`, `unknown field "refrence"; did you mean "reference"?`},
		"a field like no other":          {`{"task":"x","difficulty":1}`, `unknown field "difficulty"; there are batch, category, check`},
		"a field in the wrong case":      {`{"Task":"x"}`, `unknown field "Task"; did you mean "task"?; task is missing`},
		"a field of a file":              {`{"task":"x","files":[{"pth":"a"}]}`, `unknown field "pth"; did you mean "path"?`},
		"a field given twice":            {`{"task":"x","task":"y"}`, `field "task" is given twice`},
		"no task":                        {`{"id":"a"}`, `task is missing`},
		"a blank task":                   {`{"task":" "}`, `task is missing`},
		"a task too long":                {`{"task":"` + strings.Repeat("x", MaxTask+1) + `"}`, `at most 65536 are taken`},
		"a NUL in the task":              {`{"task":"a\u0000b"}`, `NUL`},
		"an id for no key":               {`{"id":"a/b","task":"x"}`, `id "a/b": give 1 to 64 letters`},
		"a number for a text":            {`{"id":7,"task":"x"}`, `id: give a text in quotes, not a number`},
		"truncated JSON":                 {`{"task":"x"`, `ends in the middle; a task must be on one line`},
		"no JSON":                        {`task: x`, `a task is a JSON object`},
		"a list":                         {`["x"]`, `begin it with {`},
		"two tasks on a line":            {`{"task":"x"} {"task":"y"}`, `followed by something else`},
		"invalid UTF-8":                  {"{\"task\":\"\xff\"}", `not UTF-8`},
		"script and rubric":              {`{"task":"x","check":{"script":"def check(query, answer): pass","rubric":"r"}}`, `exactly one of script, script_file and rubric, not 2`},
		"an empty check":                 {`{"task":"x","check":{}}`, `exactly one of script, script_file and rubric, not 0`},
		"a script without check":         {`{"task":"x","check":{"script":"print(1)"}}`, `it defines no check`},
		"a check that is a text":         {`{"task":"x","check":"def check"}`, `check: give an object`},
		"files that are a text":          {`{"task":"x","files":"a.csv"}`, `files: give a list`},
		"a file that is a number":        {`{"task":"x","files":[1]}`, `files[0] is a JSON object`},
		"a file out of the folder":       {`{"task":"x","files":["../../.ssh/id_ed25519"]}`, `give a path in or below the folder of the tasks file`},
		"a file by an absolute path":     {`{"task":"x","files":["/etc/passwd"]}`, `give a path in or below the folder of the tasks file`},
		"a script out of the folder":     {`{"task":"x","check":{"script_file":"../check.py"}}`, `check.script_file "../check.py": give a path`},
		"a path out of the workspace":    {`{"task":"x","files":[{"path":"../a","text":"1"}]}`, `files[0].path: invalid path`},
		"two contents":                   {`{"task":"x","files":[{"path":"a","text":"1","file":"b"}]}`, `one of text, base64, key and file`},
		"the same path twice":            {`{"task":"x","files":["a/x.csv","b/x.csv"]}`, `path "x.csv" is given twice`},
		"a file that is a folder too":    {`{"task":"x","files":[{"path":"a","text":"1"},{"path":"a/b/c","text":"1"}]}`, `"a" is a file and the folder of "a/b/c"`},
		"too many files":                 {`{"task":"x","files":[` + strings.Repeat(`"a",`, MaxFiles) + `"a"]}`, `501 files, at most 500`},
		"no base64":                      {`{"task":"x","files":[{"path":"a","base64":"*"}]}`, `files[0].base64: illegal base64`},
		"a key that is no blob":          {`{"task":"x","files":[{"path":"a","key":"skills/x/head.json"}]}`, `begins with blobs/sha256/`},
		"a file without name":            {`{"task":"x","files":[""]}`, `files[0] is empty`},
		"two things at once, both named": {`{"id":"-","tsk":"x"}`, `did you mean "task"?; task is missing: say in plain words what is to be done, as in {"task": "…"}; id "-"`},
		"a line too long":                {`{"task":"` + strings.Repeat("x", MaxLine) + `"}`, `at most 4194304 are taken`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("dir/tasks.jsonl", []byte("// first\n"+c.line+"\n"))
			var bad *BadLines
			require.ErrorAs(t, err, &bad)
			require.Len(t, bad.Lines, 1, "%v", err)
			require.Equal(t, 2, bad.Lines[0].Number)
			require.Contains(t, bad.Lines[0].Problem, c.want)
			require.True(t, strings.HasPrefix(err.Error(), "dir/tasks.jsonl:2: "), err)
			require.NotContains(t, bad.Lines[0].Problem, "\n")
		})
	}
}

func TestAllBadLinesAreToldAtOnce(t *testing.T) {
	_, err := Parse("t.jsonl", []byte(`{"id":"a","task":"1"}
{"id":"a","task":"2"}
{"id":"b","task":"3"}
nonsense
{"id":"c"}`))
	require.EqualError(t, err, `t.jsonl:2: id "a" is also that of line 1: give each task an id of its own
t.jsonl:4: a task is a JSON object: invalid character 'o' in literal null (expecting 'u')
t.jsonl:5: task is missing: say in plain words what is to be done, as in {"task": "…"}`)
}

func TestAFileWithoutTasksIsAnErrorAndSoIsOneWithTooMany(t *testing.T) {
	for _, data := range []string{"", "\n\n", "// nothing yet\n"} {
		_, err := Parse("t.jsonl", []byte(data))
		require.ErrorContains(t, err, "the file has no tasks")
	}
	_, err := Parse("t.jsonl", bytes.Repeat([]byte(`{"task":"x"}`+"\n"), MaxTasks+1))
	require.ErrorContains(t, err, "more than 10000 tasks")
	tasks, err := Parse("t.jsonl", bytes.Repeat([]byte(`{"task":"x"}`+"\n"), MaxTasks))
	require.NoError(t, err)
	_, err = Join(tasks, []Task{{ID: "one-more"}})
	require.ErrorContains(t, err, "10001 tasks")
}

func TestFilesAreJoinedUnlessTheirIDsRepeat(t *testing.T) {
	first, second := []Task{{ID: "a", Batch: "one"}}, []Task{{ID: "b", Batch: "two"}}
	all, err := Join(first, second)
	require.NoError(t, err)
	require.Equal(t, []Task{first[0], second[0]}, all)
	_, err = Join(first, []Task{{ID: "a", Batch: "two"}})
	require.EqualError(t, err, `id "a" is in batch "one" and again in batch "two": give each task an id of its own`)
}

func TestADigestIsOfWhatAResultDependsOn(t *testing.T) {
	task := Task{ID: "a", Batch: "b", Task: "x", Check: &Check{Rubric: "r"}}
	renamed, altered := task, task
	renamed.ID, renamed.Batch, renamed.Category = "z", "y", "c"
	altered.Check = &Check{Rubric: "s"}
	require.Equal(t, task.Digest(), renamed.Digest())
	require.NotEqual(t, task.Digest(), altered.Digest())
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"id":"a","task":"x","files":["a.csv",{"path":"b","text":"1"}],"check":{"script":"def check(query, answer): pass"}}`, "\ufeff// c\r\n{\"task\":\"x\"}", `{"task":`, `[{}]`, "{\"\xff\":1}",
		`{"task":"x","check":{"rubric":"r"},"reference":"\ud800"}`, `{"task":"x","files":[{"base64":"AA=="}]}`, `{"batch":"…","task":"x"}` + "\n" + `{"task":"y"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tasks, err := Parse("fuzz.jsonl", data)
		if err != nil {
			var bad *BadLines
			require.ErrorAs(t, err, &bad)
			require.NotEmpty(t, bad.Lines)
			return
		}
		again, err := Parse("other.jsonl", Encode(tasks))
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("%+v", withoutEmpty(tasks)), fmt.Sprintf("%+v", withoutEmpty(again)), "what is written reads as it was")
	})
}

// withoutEmpty takes pointers out of tasks, so that their texts can be compared.
func withoutEmpty(tasks []Task) []any {
	var flat []any
	for _, t := range tasks {
		check := Check{}
		if t.Check != nil {
			check = *t.Check
		}
		t.Check = nil
		flat = append(flat, t, check)
	}
	return flat
}

func BenchmarkParse(b *testing.B) {
	data := Encode(sampleTasks())
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Parse(os.DevNull, data); err != nil {
			b.Fatal(err)
		}
	}
}
