package batches

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/checking"
	"agentfactory/internal/policy"
)

// paperTask is a line of a tasks file, as far as this batch uses it.
type paperTask struct {
	ID       string   `json:"id"`
	Category string   `json:"category"`
	Task     string   `json:"task"`
	Files    []string `json:"files"`
	Check    struct {
		ScriptFile string `json:"script_file"`
		Rubric     string `json:"rubric"`
	} `json:"check"`
}

func paperLines(t *testing.T, name string) []paperTask {
	t.Helper()
	content, err := fs.ReadFile(paperFiles, "paper/"+name)
	require.NoError(t, err)
	var tasks []paperTask
	for line := range bytes.Lines(content) {
		var task paperTask
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		require.NoError(t, decoder.Decode(&task))
		tasks = append(tasks, task)
	}
	return tasks
}

func paperTasksOfBoth(t *testing.T) []paperTask {
	t.Helper()
	return append(paperLines(t, "paper-1.jsonl"), paperLines(t, "paper-2.jsonl")...)
}

func TestThePaperHasTwoBatchesOfFifteenThatMirrorEachOther(t *testing.T) {
	first, second := paperLines(t, "paper-1.jsonl"), paperLines(t, "paper-2.jsonl")
	require.Len(t, first, 15)
	require.Len(t, second, 15)
	for i := range first {
		a, b := first[i], second[i]
		require.Equal(t, strings.TrimSuffix(a.ID, "-1"), strings.TrimSuffix(b.ID, "-2"))
		require.Equal(t, a.Category, b.Category, a.ID)
		require.NotEqual(t, a.Task, b.Task)
		require.Equal(t, a.Check.ScriptFile == "", b.Check.ScriptFile == "", "%s and its counterpart are checked in different ways", a.ID)
	}
}

func TestATaskOfThePaperNamesTheFilesThatItsCheckLooksFor(t *testing.T) {
	named := regexp.MustCompile(`\b[a-z_]+\.(?:png|csv|md|json|ics|mp3|txt|py)\b`)
	for _, task := range paperTasksOfBoth(t) {
		require.Len(t, nonEmpty(task.Check.ScriptFile, task.Check.Rubric), 1, task.ID)
		for _, file := range task.Files {
			content, err := fs.ReadFile(paperFiles, path.Join("paper", file))
			require.NoError(t, err, task.ID)
			require.NotEmpty(t, content)
			require.Contains(t, task.Task, path.Base(file))
		}
		for _, name := range named.FindAllString(task.Check.Rubric, -1) {
			require.Contains(t, task.Task, name, task.ID)
		}
		for _, name := range named.FindAllString(task.Task, -1) {
			require.True(t, task.Check.Rubric == "" || strings.Contains(task.Check.Rubric, name), "%s: its rubric says nothing of %s", task.ID, name)
		}
	}
}

func nonEmpty(texts ...string) (found []string) {
	for _, text := range texts {
		if text != "" {
			found = append(found, text)
		}
	}
	return found
}

func TestTheCheckScriptsOfThePaperAreTakenAsScripts(t *testing.T) {
	used := map[string]bool{}
	for _, task := range paperTasksOfBoth(t) {
		if task.Check.ScriptFile != "" {
			used["paper/"+task.Check.ScriptFile] = true
		}
	}
	scripts, err := fs.Glob(paperFiles, "paper/checks/*.py")
	require.NoError(t, err)
	require.Len(t, used, len(scripts), "a script is used by no task")
	for _, name := range scripts {
		source, err := fs.ReadFile(paperFiles, name)
		require.NoError(t, err)
		require.True(t, used[name], name)
		_, err = checking.ParseScript(string(source))
		require.NoError(t, err, name)
	}
}

func TestARubricOfThePaperSaysWhatPassesAndWhatFails(t *testing.T) {
	judged := 0
	for _, task := range paperTasksOfBoth(t) {
		if rubric := task.Check.Rubric; rubric != "" {
			judged++
			require.Regexp(t, `^Pass if all of this holds\. \(1\) .*\(4\) .*Fail if any of this holds\. \(a\) .*\(c\) `, rubric, task.ID)
			require.Less(t, len(rubric), 2500, task.ID)
		}
	}
	require.Equal(t, 10, judged)
}

func TestTheRecordingsOfThePaperAreSpeechOfHalfAMinute(t *testing.T) {
	total := 0
	for name, seconds := range map[string]float64{"recording-1.mp3": 39.6, "recording-2.mp3": 35.7} {
		content, err := fs.ReadFile(paperFiles, "paper/data/"+name)
		require.NoError(t, err)
		total += len(content)
		frames := mp3Frames(content)
		require.InDelta(t, seconds, float64(len(frames))*576/22050, 0.2, name)
		requireSpeech(t, name, frames)
	}
	require.Less(t, total, 2<<20)
}

// mp3Frames cuts up an MP3 file of MPEG 2, layer III, 22050 Hz at 32 kbit/s without tags.
func mp3Frames(content []byte) (frames [][]byte) {
	for len(content) >= 104 && content[0] == 0xff && content[1]&0xfe == 0xf2 && content[2]&0xfc == 0x40 {
		size := 72*32000/22050 + int(content[2]>>1&1)
		if size > len(content) {
			break
		}
		frames, content = append(frames, content[:size]), content[size:]
	}
	return frames
}

// requireSpeech tells speech from silence and from a tone: loudness that comes and goes. How loud a frame may be stands in
// its side information, as the global gain of its one granule (ISO 13818-3, section 2.4.1.7).
func requireSpeech(t *testing.T, name string, frames [][]byte) {
	t.Helper()
	quiet, loud, changes, before := 0, 0, 0, false
	for _, frame := range frames {
		// main_data_begin 8, private_bits 1, part2_3_length 12, big_values 9, global_gain 8
		bits := uint64(0)
		for _, b := range frame[4:9] {
			bits = bits<<8 | uint64(b)
		}
		gain := bits >> 2 & 0xff
		now := gain > 170
		if now {
			loud++
		} else {
			quiet++
		}
		if now != before {
			changes++
		}
		before = now
	}
	t.Log(name, "loud", loud, "quiet", quiet, "changes", changes)
	require.Greater(t, loud, len(frames)/4, "%s is mostly silent", name)
	require.Greater(t, quiet, len(frames)/20, "%s has no pauses", name)
	require.Greater(t, changes, len(frames)/40, "%s is one long sound", name)
}

func TestThePolicyForThePaperAllowsNoMoreThanItsTasksNeed(t *testing.T) {
	text, err := os.ReadFile("../../../docs/examples/policy-paper.yaml")
	require.NoError(t, err)
	rules, err := policy.Parse(text)
	require.NoError(t, err)
	post := func(tool, address string) policy.Action {
		return rules.Decide(policy.Event{Trigger: policy.Host, Tool: tool, Method: "POST"}.WithURL(address)).Action
	}
	require.Equal(t, policy.Allow, post("browser_automation", "https://meeting.tencent.com/wemeet/book"))
	require.Equal(t, policy.Allow, post("browser_automation", "https://u.y.qq.com/cgi-bin/musicu.fcg"))
	require.Equal(t, policy.Allow, post("", "https://translate.google.com/_/TranslateWebserverUi/data/batchexecute"))
	require.Equal(t, policy.Deny, post("", "https://meeting.tencent.com/wemeet/book"), "a subagent's own libraries book no meeting")
	require.Equal(t, policy.Deny, post("browser_automation", "https://shop.example.com/order"))
	login := func(name string) policy.Action {
		return rules.Decide(policy.Event{Trigger: policy.Session, Tool: "browser_automation", Session: name}).Action
	}
	require.Equal(t, policy.Allow, login("tencent-meeting"))
	require.Equal(t, policy.Deny, login("mail"))
}
