package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// searchReply is what web_search returns.
type searchReply struct {
	Results []result `json:"results"`
	Answer  string   `json:"answer,omitempty"`
	Note    string   `json:"note,omitempty"`
}

type result struct {
	Title    string `json:"title"`
	Link     string `json:"link"`
	Snippet  string `json:"snippet"`
	Position int    `json:"position,omitempty"`
	Date     string `json:"date,omitempty"` // as the search engine words it
}

// readResults takes from Serper's answer what the reply holds: at most num results with a link.
func readResults(body []byte, num int) (searchReply, error) {
	var got struct {
		Organic   []result        `json:"organic"`
		AnswerBox json.RawMessage `json:"answerBox"`
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return searchReply{}, shape(err)
	}
	if got.Organic == nil && !strings.Contains(string(body), `"searchParameters"`) {
		return searchReply{}, errors.New("it has neither organic nor searchParameters")
	}
	found := searchReply{Results: []result{}, Answer: answerBox(got.AnswerBox)}
	var n notes
	shortened := 0
	for _, r := range got.Organic {
		if r.Link == "" {
			continue
		}
		if len(found.Results) == num {
			n.add("more than the %d results asked for were found and left out", num)
			break
		}
		if r.shorten() {
			shortened++
		}
		found.Results = append(found.Results, r)
	}
	if shortened > 0 {
		n.add("the text of %d results was cut at %d characters", shortened, maxSnippet)
	}
	if len(found.Results) == 0 {
		n.add("nothing was found; try other words")
	}
	found.Note = n.String()
	return found, nil
}

// shorten bounds what a page can put into a result.
func (r *result) shorten() bool {
	title, one := cut(r.Title, maxTitle, len(r.Title))
	snippet, two := cut(r.Snippet, maxSnippet, len(r.Snippet))
	r.Title, r.Snippet = title, snippet
	return one || two
}

// answerBox is the text of an answer box, "" where there is none or it is of an unknown kind.
func answerBox(raw json.RawMessage) string {
	var box struct{ Answer, Snippet, Title, Link string }
	if json.Unmarshal(raw, &box) != nil {
		return ""
	}
	text := box.Answer
	if text == "" {
		text = box.Snippet
	}
	if text == "" {
		return ""
	}
	if box.Link != "" {
		text += " (" + box.Link + ")"
	}
	short, _ := cut(text, maxSnippet, len(text))
	return short
}

// shape says where an answer is not as documented, in the words of JSON and not of Go.
func shape(err error) error {
	var other *json.UnmarshalTypeError
	if errors.As(err, &other) {
		return fmt.Errorf("a JSON %s stands where it should not, %q", other.Value, other.Field)
	}
	return err
}
