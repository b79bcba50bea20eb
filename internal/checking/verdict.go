package checking

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Verdict is what a judge says of an output.
type Verdict struct {
	Pass   bool
	Reason string // one line
}

// ErrVerdict says that a judge's reply cannot be taken as a verdict; the rest of the message says why.
var ErrVerdict = errors.New("no verdict")

// maxReply is how much of a judge's reply is read, in bytes from its end, where the verdict stands.
const maxReply = 16 << 10

// ParseVerdict reads the judge's reply: a JSON object {"pass": bool, "reason": "…"}, wherever it stands in it. The output
// that is judged may have got the judge to repeat a verdict of its making, so several that differ are none.
func ParseVerdict(reply string) (Verdict, error) {
	found := verdicts(reply[max(0, len(reply)-maxReply):])
	if len(found) == 0 {
		return Verdict{}, fmt.Errorf(`%w: the reply holds no JSON object with a boolean "pass"`, ErrVerdict)
	}
	for _, v := range found[1:] {
		if v.Pass != found[0].Pass {
			return Verdict{}, fmt.Errorf("%w: the reply says both pass and fail", ErrVerdict)
		}
	}
	return found[len(found)-1], nil
}

// verdicts returns the verdicts that a text holds, in order.
func verdicts(text string) []Verdict {
	var found []Verdict
	for {
		start := strings.IndexByte(text, '{')
		if start < 0 {
			return found
		}
		text = text[start:]
		v, size, ok := verdictAt(text)
		if !ok {
			size = 1
		} else {
			found = append(found, v)
		}
		text = text[size:]
	}
}

// verdictAt decodes the object with which text begins, and says how many bytes it has.
func verdictAt(text string) (v Verdict, size int64, ok bool) {
	var said struct {
		Pass   *bool  `json:"pass"`
		Reason string `json:"reason"`
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	if decoder.Decode(&said) != nil || said.Pass == nil {
		return Verdict{}, 0, false
	}
	return Verdict{Pass: *said.Pass, Reason: reason(said.Reason)}, decoder.InputOffset(), true
}
