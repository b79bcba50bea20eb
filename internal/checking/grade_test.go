package checking

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/llm"
)

func TestTheGraderSeesTheTaskTheAnswerAndHowToGrade(t *testing.T) {
	report := strings.Repeat("a line of the report\n", 400)
	messages := GraderMessages(Graded{
		Task: "Add up the sales.", Reference: "30", Rubric: "it names the region", Answer: "The total is 30.",
		Outputs: []Excerpt{NewLongExcerpt("report.md", int64(len(report)), []byte(report))},
	})
	require.Equal(t, []string{llm.RoleSystem, llm.RoleUser}, roles(messages))
	require.True(t, strings.HasPrefix(GraderPrompt, "You grade whether"))
	text := messages[1].Content
	for _, part := range []string{"begin task", "begin reference answer", "begin rubric", "begin the agent's answer", "There is no input file."} {
		require.Contains(t, text, part)
	}
	require.Equal(t, 400, strings.Count(text, "a line of the report"), "a report is shown as a whole")
	require.NotContains(t, GraderMessages(Graded{Task: "x", Rubric: "y"})[1].Content, "reference answer")
}
