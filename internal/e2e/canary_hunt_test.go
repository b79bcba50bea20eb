package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// canaries are secrets by name: values that can be nothing else, so that one found anywhere has escaped. One of them, the
// decoy, is no secret. It is put where canaries are hunted, so that a hunt that finds nothing is known to find something.
type canaries map[string]string

const decoy = "decoy"

// canary returns a new value.
func canary() string { return "canary" + strings.ToLower(rand.Text()) }

// in names the canaries that data holds, in any usual spelling, sorted.
func (c canaries) in(data []byte) (found []string) {
	for name, value := range c {
		if slices.ContainsFunc(spellings(value), func(s string) bool { return bytes.Contains(data, []byte(s)) }) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}

// without is a set of canaries that may be where one hunts.
func (c canaries) without(names ...string) canaries {
	rest := maps.Clone(c)
	maps.DeleteFunc(rest, func(name, _ string) bool { return slices.Contains(names, name) })
	return rest
}

// spellings are a value as it is, in hex, URL-encoded, and in base64 wherever it begins in what was encoded.
func spellings(value string) []string {
	found := []string{value, hex.EncodeToString([]byte(value)), strings.ToUpper(hex.EncodeToString([]byte(value))), url.QueryEscape(value), url.PathEscape(value)}
	for shift := range 3 {
		text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + value))
		text = text[[]int{0, 2, 3}[shift] : len(text)-1] // the rest depends on what is before and after
		found = append(found, text, strings.NewReplacer("+", "-", "/", "_").Replace(text))
	}
	return found
}

// catch is where which canaries were found.
type catch map[string][]string

func (c catch) add(place string, found []string) {
	for _, name := range found {
		if !slices.Contains(c[place], name) {
			c[place] = append(c[place], name)
		}
	}
}

// requireOnlyDecoys fails for every canary but the decoy, which has to be there.
func (c catch) requireOnlyDecoys(t testing.TB, where string) {
	t.Helper()
	seen := false
	for place, found := range c {
		seen = seen || slices.Contains(found, decoy)
		for _, name := range found {
			if name != decoy {
				t.Errorf("%s: %s holds %s", where, place, name)
			}
		}
	}
	if !seen {
		t.Errorf("%s: not even the decoy is found there, the hunt does not work", where)
	}
}

// inObjects hunts in every object of the bucket.
func (s *stack) inObjects(c canaries) catch {
	found := catch{}
	all, err := s.objects.List(s.t.Context(), "", "", 0)
	require.NoError(s.t, err)
	for _, info := range all {
		obj, err := s.objects.Get(s.t.Context(), info.Key)
		require.NoError(s.t, err)
		found.add(info.Key, c.in(obj.Body))
		found.add("the keys", c.in([]byte(info.Key)))
	}
	return found
}

// inTemporal hunts in what Temporal keeps of all runs: histories, descriptions with memo and search attributes, and the
// answers to queries, the current details that its UI shows among them.
func (s *stack) inTemporal(c canaries) catch {
	found := catch{}
	for _, w := range s.executions() {
		found.add("visibility of "+w.GetExecution().GetWorkflowId(), c.in(wire(s.t, w)))
		s.inWorkflow(w.GetExecution(), c, found)
	}
	return found
}

// executions are all runs that Temporal lists.
func (s *stack) executions() []*workflow.WorkflowExecutionInfo {
	list, err := s.temporal.ListWorkflow(s.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: s.temporal.Namespace})
	require.NoError(s.t, err)
	return list.GetExecutions()
}

func (s *stack) inWorkflow(w *common.WorkflowExecution, c canaries, found catch) {
	ctx := s.t.Context()
	events := s.temporal.GetWorkflowHistory(ctx, w.GetWorkflowId(), w.GetRunId(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(s.t, err)
		found.add(fmt.Sprintf("event %d (%s) of %s", e.GetEventId(), e.GetEventType(), w.GetWorkflowId()), c.in(wire(s.t, e)))
	}
	described, err := s.temporal.DescribeWorkflowExecution(ctx, w.GetWorkflowId(), w.GetRunId())
	require.NoError(s.t, err)
	found.add("description of "+w.GetWorkflowId(), c.in(wire(s.t, described)))
	for _, query := range []string{"status", "__temporal_workflow_metadata"} {
		answer, err := s.temporal.QueryWorkflow(ctx, w.GetWorkflowId(), w.GetRunId(), query)
		if err != nil {
			found.add("failed query "+query, c.in([]byte(err.Error())))
			continue
		}
		var raw converter.RawValue
		require.NoError(s.t, answer.Get(&raw))
		found.add(query+" of "+w.GetWorkflowId(), c.in(raw.Payload().GetData()))
	}
}

// wire is a message as it is sent: payloads are as they were written.
func wire(t testing.TB, m proto.Message) []byte {
	data, err := proto.Marshal(m)
	require.NoError(t, err)
	return data
}

// inFiles hunts in the files below some directories; what disappears meanwhile is not there.
func (c canaries) inFiles(found catch, dirs ...string) {
	for _, dir := range dirs {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				if data, err := os.ReadFile(path); err == nil {
					found.add(path, c.in(data))
				}
			}
			return nil
		})
	}
}

// watch looks at the processes that a worker starts, for as long as it goes on.
type watch struct {
	root    int // the worker
	program string
	may     func(commandLine, name string) bool // which process may have which canary
	hunted  canaries
	found   catch
	seen    map[string]bool // command lines, by their first words
	looked  map[string]bool // processes with their program, and files
}

// watchProcesses looks at the environment, the command line and the open files of everything that descends from a
// worker, every few milliseconds. stop returns what was found, and the programs that were seen.
func watchProcesses(worker int, c canaries, may func(commandLine, name string) bool) (stop func() (catch, []string)) {
	w := &watch{root: worker, may: may, hunted: c, found: catch{}, seen: map[string]bool{}, looked: map[string]bool{}}
	w.program, _ = os.Readlink(procFile(worker, "exe"))
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			for _, pid := range descendants(worker) {
				w.look(pid)
				if n%25 == 0 { // files stay open for longer than programs take to start others
					w.note("open files", commandLine(pid), w.openFiles(pid))
				}
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	return func() (catch, []string) {
		cancel()
		done.Wait()
		return w.found, slices.Sorted(maps.Keys(w.seen))
	}
}

func procFile(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}

func (w *watch) look(pid int) {
	exe, _ := os.Readlink(procFile(pid, "exe"))
	line := commandLine(pid)
	key := fmt.Sprint(pid, exe, line)
	if exe == w.program || exe == "" || w.looked[key] {
		return // not yet another program: it still has the worker's memory; or gone
	}
	environ, err := os.ReadFile(procFile(pid, "environ"))
	if now, _ := os.Readlink(procFile(pid, "exe")); err != nil || now != exe {
		return // another program meanwhile, which is looked at next time
	}
	w.looked[key], w.seen[filepath.Base(exe)] = true, true
	w.note("environment of "+filepath.Base(exe), line, environ)
	w.note("command line of "+filepath.Base(exe), line, []byte(line))
}

func commandLine(pid int) string {
	line, _ := os.ReadFile(procFile(pid, "cmdline"))
	return strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))
}

func (w *watch) note(place, commandLine string, data []byte) {
	for _, found := range w.hunted.in(data) {
		if !w.may(commandLine, found) {
			w.found.add(fmt.Sprintf("%s (%.120s)", place, commandLine), []string{found})
		}
	}
}

// openFiles are the contents of the small regular files that a process has open.
func (w *watch) openFiles(pid int) (content []byte) {
	open, _ := os.ReadDir(procFile(pid, "fd"))
	for _, fd := range open {
		path := filepath.Join(procFile(pid, "fd"), fd.Name())
		target, _ := os.Readlink(path)
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 || w.looked[target+info.ModTime().String()] {
			continue
		}
		w.looked[target+info.ModTime().String()] = true
		data, _ := os.ReadFile(path)
		content = append(content, data...)
	}
	return content
}

// descendants are the processes that have a process as ancestor.
func descendants(of int) (found []int) {
	children := map[int][]int{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			parent := parentOf(pid)
			children[parent] = append(children[parent], pid)
		}
	}
	for next := children[of]; len(next) > 0; next = next[1:] {
		found = append(found, next[0])
		next = append(next, children[next[0]]...)
	}
	return found
}

func parentOf(pid int) int {
	stat, _ := os.ReadFile(procFile(pid, "stat"))
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]) // state, then the parent
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(string(fields[1]))
	return parent
}

// A hunt that overlooks a spelling would prove nothing.
func TestACanaryIsFoundHoweverItIsWritten(t *testing.T) {
	c := canaries{"key": canary()}
	value := c["key"]
	for name, text := range map[string]string{
		"as it is": "x" + value + "x", "hex": hex.EncodeToString([]byte("x" + value + "x")), "URL": url.QueryEscape("a b" + value),
		"base64": base64.StdEncoding.EncodeToString([]byte(value)), "base64, one before": base64.StdEncoding.EncodeToString([]byte("x" + value + "y")),
		"base64, two before": base64.URLEncoding.EncodeToString([]byte("u:" + value + "yyy")),
	} {
		require.Equal(t, []string{"key"}, c.in([]byte(text)), name)
	}
	require.Empty(t, c.in([]byte(canary())))
	signs := canaries{"key": "a+b/c?d=e&f~~~ÿ"}
	require.Equal(t, []string{"key"}, signs.in([]byte(url.PathEscape(signs["key"]))))
	require.Equal(t, []string{"key"}, signs.in([]byte(base64.URLEncoding.EncodeToString([]byte(signs["key"])))))
}
