package export

import (
	"fmt"
	"maps"
	"path"
	"slices"
)

// What is shipped of the past cases. A case beyond it stays in the library; evals.json says so.
const (
	maxEvals     = 20
	maxEvalBytes = 256 << 10 // of one input file or answer
)

// evals is evals/evals.json by the convention of the Agent Skills standard's guide to evaluation, with two fields more:
// the case of each eval, and what was left out.
type evals struct {
	SkillName string    `json:"skill_name"`
	Evals     []eval    `json:"evals"`
	LeftOut   []leftOut `json:"left_out,omitempty"`
}

type eval struct {
	ID       int      `json:"id"`
	Prompt   string   `json:"prompt"`          // the query
	Expected string   `json:"expected_output"` // the answer then
	Files    []string `json:"files"`           // the inputs, from the skill's directory
	Case     string   `json:"case"`            // its ID in the library
}

type leftOut struct {
	Case string `json:"case"`
	Why  string `json:"why"`
}

// putEvals adds the past cases, if there are any.
func (t Tree) putEvals(s Skill) error {
	if len(s.Cases) == 0 {
		return nil
	}
	all := evals{SkillName: s.Manifest.Name, Evals: []eval{}}
	for _, c := range s.Cases {
		if why := c.unfit(len(all.Evals)); why != "" {
			all.LeftOut = append(all.LeftOut, leftOut{c.ID, why})
			continue
		}
		all.Evals = append(all.Evals, t.putEval(len(all.Evals)+1, c))
	}
	return t.putJSON("evals/evals.json", all)
}

// putEval adds the files of a case.
func (t Tree) putEval(id int, c Case) eval {
	e := eval{ID: id, Prompt: c.Query, Expected: c.Answer, Files: []string{}, Case: c.ID}
	for _, p := range slices.Sorted(maps.Keys(c.Files)) {
		at := path.Join("evals/files", c.ID, p)
		t.Put(at, c.Files[p])
		e.Files = append(e.Files, at)
	}
	return e
}

// unfit tells why a case is not shipped; "" if it is.
func (c Case) unfit(shipped int) string {
	if shipped == maxEvals {
		return fmt.Sprintf("at most %d cases are shipped", maxEvals)
	}
	if !cleanPath(c.ID) {
		return "its ID is no file name"
	}
	if len(c.Answer) > maxEvalBytes {
		return fmt.Sprintf("its answer has %d bytes, at most %d are shipped", len(c.Answer), maxEvalBytes)
	}
	for _, p := range slices.Sorted(maps.Keys(c.Files)) {
		switch size := len(c.Files[p]); {
		case !cleanPath(p):
			return fmt.Sprintf("its input %.200q is no clean relative path", p)
		case size > maxEvalBytes:
			return fmt.Sprintf("its input %s has %d bytes, at most %d are shipped", p, size, maxEvalBytes)
		}
	}
	return ""
}
