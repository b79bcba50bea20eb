package transcript

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/aymanbagabas/go-udiff"

	"agentfactory/internal/metaskill"
	"agentfactory/internal/run"
)

// view is a document prepared for the templates: texts that are safe to show, split into
// what fits in a line and what needs a block.
type view struct {
	Title  string
	Facts  []Argument
	Task   string
	System string
	Turns  []turnView
	Answer string
	Skills []string
	Files  []string
}

type turnView struct {
	Turn
	Head  string
	Calls []callView
}

type callView struct {
	Tool    string
	Mark    string // ok, failed, not carried out
	Facts   []Argument
	Blocks  []block
	Amended []block
	Result  block
	Head    string // time and tokens
}

// block is a text with lines of its own.
type block struct {
	Name string
	Lang string // of a fenced block: python, diff, or none
	Text string
	Long bool // folded away in HTML
}

// longBlock is from how many lines on a block is folded away in HTML.
const longBlock = 40

func newBlock(name, lang, text string) block {
	text = strings.TrimRight(shown(text), "\n")
	return block{Name: name, Lang: lang, Text: text, Long: strings.Count(text, "\n") >= longBlock}
}

// shown removes control characters: what programs print may hold anything.
func shown(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
}

func newView(d Document) view {
	v := view{Title: d.Result.WorkflowID, Facts: facts(d), Task: shown(d.Opening), System: shown(d.System), Answer: shown(d.Result.Answer)}
	for _, t := range d.Turns {
		tv := turnView{Turn: t, Head: turnHead(t)}
		tv.Text, tv.Refusal = shown(t.Text), shown(t.Refusal)
		for _, c := range t.Calls {
			tv.Calls = append(tv.Calls, newCallView(c))
		}
		v.Turns = append(v.Turns, tv)
	}
	for _, s := range d.Result.Skills {
		v.Skills = append(v.Skills, strings.TrimSpace(fmt.Sprintf("%s version %d %s", s.Name, s.Version, s.Note)))
	}
	for _, f := range d.Result.Files {
		v.Files = append(v.Files, fmt.Sprintf("%s (%d bytes), %s", shown(f.Path), f.Size, f.Key))
	}
	return v
}

func facts(d Document) []Argument {
	r := d.Result
	list := []Argument{
		{"outcome", strings.TrimSuffix(string(r.Outcome)+": "+shown(r.Reason), ": ")}, {"model", r.Model}, {"run ID", r.RunID},
		{"turns", fmt.Sprint(len(d.Turns))}, {"tokens", tokens(r.Usage)},
	}
	if r.Usage.CostUSD > 0 {
		list = append(list, Argument{"cost", fmt.Sprintf("%.4f USD", r.Usage.CostUSD)})
	}
	if !r.FinishedAt.IsZero() {
		list = append(list, Argument{"finished", r.FinishedAt.UTC().Format(time.RFC3339)})
	}
	return list
}

func tokens(u run.Usage) string {
	text := fmt.Sprintf("%d output, %d input (%d of them cached)", u.OrchestrationOutputTokens, u.OrchestrationInputTokens, u.OrchestrationCachedInputTokens)
	if u.SubagentOutputTokens > 0 {
		text += fmt.Sprintf("; subagents %d output, %d input", u.SubagentOutputTokens, u.SubagentInputTokens)
	}
	if u.CheckOutputTokens > 0 {
		text += fmt.Sprintf("; checks %d output, %d input", u.CheckOutputTokens, u.CheckInputTokens)
	}
	if u.EmbeddingTokens > 0 {
		text += fmt.Sprintf("; embeddings %d", u.EmbeddingTokens)
	}
	if u.Estimated {
		text += "; estimated"
	}
	return text
}

func turnHead(t Turn) string {
	return fmt.Sprintf("%d output and %d input tokens (%d cached), %.1f s", t.Usage.OutputTokens, t.Usage.InputTokens, t.Usage.CachedInputTokens, t.Seconds)
}

func newCallView(c Call) callView {
	v := callView{Tool: shown(c.Tool), Mark: mark(c), Result: newBlock("result", "", c.Observation)}
	if c.Seconds > 0 {
		v.Head = fmt.Sprintf("%.1f s", c.Seconds)
	}
	if c.Usage.SubagentOutputTokens > 0 {
		v.Head += fmt.Sprintf(", %d output tokens of the subagent", c.Usage.SubagentOutputTokens)
	}
	v.Facts, v.Blocks = display(c.Tool, string(c.Arguments))
	if c.Amended != nil {
		facts, blocks := display(c.Tool, string(c.Amended))
		for _, f := range facts {
			v.Amended = append(v.Amended, newBlock(f.Name, "", f.Value))
		}
		v.Amended = append(v.Amended, blocks...)
	}
	return v
}

func mark(c Call) string {
	switch {
	case !c.Done:
		return "not carried out"
	case c.OK:
		return "ok"
	}
	return "failed"
}

// display shows short arguments in a line and code as code.
func display(tool, raw string) (facts []Argument, blocks []block) {
	list, ok := Arguments(raw)
	if !ok {
		return nil, []block{newBlock("arguments", "", raw)}
	}
	var before, after string
	for _, a := range list {
		switch {
		case tool == metaskill.ModifySubagent && a.Name == "old_content":
			before = a.Value
		case tool == metaskill.ModifySubagent && a.Name == "new_content":
			after = a.Value
		case a.Name == "code":
			blocks = append(blocks, newBlock("code", "python", a.Value))
		case strings.Contains(a.Value, "\n") || len(a.Value) > 120:
			blocks = append(blocks, newBlock(shown(a.Name), "", a.Value))
		default:
			facts = append(facts, Argument{shown(a.Name), shown(a.Value)})
		}
	}
	if before != "" || after != "" {
		blocks = append(blocks, newBlock("change", "diff", udiff.Unified("before", "after", before+"\n", after+"\n")))
	}
	return facts, blocks
}
