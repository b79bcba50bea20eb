package workflows

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
	"go.temporal.io/sdk/temporal"

	"agentfactory/activities"
	"agentfactory/internal/run"
)

// DecodeInstall reads Install's input strictly: an unknown field is an error that
// names the nearest known one, since a misspelt option must not be ignored in silence.
func DecodeInstall(raw []byte) (InstallInput, error) {
	var in InstallInput
	if err := strict(raw, &in); err != nil {
		return InstallInput{}, err
	}
	return in, in.Check()
}

// DecodeEvolve reads SelfEvolve's input in the same way.
func DecodeEvolve(raw []byte) (EvolveInput, error) {
	var in EvolveInput
	if err := strict(raw, &in); err != nil {
		return EvolveInput{}, err
	}
	return in, in.Check()
}

// Check refuses what no repair can start with.
func (in EvolveInput) Check() error {
	switch {
	case len(in.Query) > activities.MaxQuery:
		return fmt.Errorf("query has %d bytes; at most %d are taken", len(in.Query), activities.MaxQuery)
	case len(in.Skill) > maxModel:
		return fmt.Errorf("skill has %d bytes: give the name of a saved skill", len(in.Skill))
	case in.Skill == "" && (in.Task != "" || in.Query != ""):
		return errors.New("skill is empty: name the saved skill that shall solve the task, or leave out task and query to take the one with the oldest open failure")
	case in.Save != nil && !*in.Save:
		return errors.New("save is false: there is nothing to gain from a repair that is not saved")
	}
	return in.check()
}

// DecodeGate reads Gate's input in the same way.
func DecodeGate(raw []byte) (GateInput, error) {
	var in GateInput
	if err := strict(raw, &in); err != nil {
		return GateInput{}, err
	}
	return in, in.Check()
}

// Check refuses what no gate can start with.
func (in GateInput) Check() error {
	switch {
	case in.Skill == "":
		return errors.New("skill is empty: name the saved skill whose version is to be held against its past cases")
	case in.Version < 1:
		return fmt.Errorf("version is %d: give the number of the candidate; versions count from 1", in.Version)
	case in.Cases != nil && (*in.Cases < 1 || *in.Cases > MaxGateCases):
		return fmt.Errorf("cases is %d: give 1 to %d, or leave it out for %d", *in.Cases, MaxGateCases, DefaultGateCases)
	case in.AtOnce < 0 || in.AtOnce > maxAtOnce:
		return fmt.Errorf("at_once is %d: give 1 to %d, or leave it out for %d", in.AtOnce, maxAtOnce, defaultAtOnce)
	}
	return nil
}

// Check refuses what no run can start with. The command line calls it before it
// starts anything; the workflow calls it for everybody else.
func (in InstallInput) Check() error {
	if strings.TrimSpace(in.Task) == "" {
		return errors.New("task is empty: say in plain words what is to be done")
	}
	return in.check()
}

// check is what every opening of the loop demands.
func (in InstallInput) check() error {
	switch {
	case len(in.Task) > MaxTask:
		return fmt.Errorf("task has %d bytes, at most %d are taken: put long material into an input file (files)", len(in.Task), MaxTask)
	case !utf8.ValidString(in.Task) || strings.ContainsRune(in.Task, 0):
		return errors.New("task is not valid UTF-8 text")
	case len(in.Model) > maxModel:
		return fmt.Errorf("model has %d bytes: give the name of a model", len(in.Model))
	case len(in.Files) > activities.MaxInputFiles:
		return fmt.Errorf("files: %d input files, at most %d are taken: pack them into an archive, which a subagent can unpack", len(in.Files), activities.MaxInputFiles)
	case in.Library != "" && in.Approval != "" && in.Approval != ApproveNever:
		return fmt.Errorf("approval is %q: nobody is asked about the library of an evaluation; leave approval out, or library", in.Approval)
	case !slices.Contains([]string{"", ApproveNever, ApproveFinish, ApproveSave, ApprovePromotion}, in.Approval):
		return fmt.Errorf("approval is %q: give %s, %s, %s or %s", in.Approval, ApproveNever, ApproveFinish, ApproveSave, ApprovePromotion)
	}
	if n := inlineBytes(in.Files); n > activities.MaxInlineFiles {
		return fmt.Errorf("files: %d bytes inside the input, at most %d are taken: upload them first and give their keys (starter install --file does that)", n, activities.MaxInlineFiles)
	}
	if n := encodedBytes(in.Files); n > maxEncodedFiles {
		return fmt.Errorf("files: names and contents take %d bytes as JSON, at most %d are taken: pack the files into an archive", n, maxEncodedFiles)
	}
	return in.Budget.Check()
}

// maxModel is what a search attribute holds in Temporal's SQL databases, in characters.
const maxModel = 255

// maxEncodedFiles keeps the input of the first activity, which encodes the files anew,
// within the 2 MiB that Temporal takes: JSON may write a byte as six.
const maxEncodedFiles = 3 << 19

// encodedBytes is a function of its input, like strict.
//
//workflowcheck:ignore
func encodedBytes(files []run.InputFile) int {
	raw, err := json.Marshal(files)
	if err != nil {
		panic(fmt.Sprintf("encode input files: %v", err)) // strings always encode
	}
	return len(raw)
}

func inlineBytes(files []run.InputFile) (n int) {
	for _, f := range files {
		n += len(f.Text) + len(f.Base64)
	}
	return n
}

// strict decodes JSON and refuses unknown fields. The result depends on its input alone;
// the checker sees the runtime behind reflection and thinks otherwise.
//
//workflowcheck:ignore
func strict(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		return nil
	}
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType) && wrongType.Field == "":
		return fmt.Errorf("input is a JSON %s; give an object, like {\"field\": …}", wrongType.Value)
	case wrongType != nil:
		return fmt.Errorf("input field %q: %s does not fit %s", wrongType.Field, wrongType.Value, wrongType.Type)
	}
	if name, ok := strings.CutPrefix(err.Error(), `json: unknown field `); ok {
		name = strings.Trim(name, `"`)
		return fmt.Errorf("input has an unknown field %q; did you mean %q?", name, nearestField(name, reflect.TypeOf(v).Elem()))
	}
	return fmt.Errorf("input is not valid JSON: %w", err)
}

func nearestField(name string, t reflect.Type) string {
	best, distance := "", -1
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous {
			continue // its fields are there as well
		}
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if d := levenshtein.ComputeDistance(name, tag); distance < 0 || d < distance {
			best, distance = tag, d
		}
	}
	return best
}

func invalidInput(err error) error {
	return temporal.NewNonRetryableApplicationError(err.Error(), activities.InvalidInput, nil)
}
