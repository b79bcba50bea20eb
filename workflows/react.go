package workflows

import (
	"encoding/json"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"agentfactory/internal/metaskill"
	"agentfactory/internal/run"
)

// ReAct solves a task by writing and running programs, with no library: the same loop with another system prompt and
// other tools. Its input is an InstallInput.
func ReAct(ctx workflow.Context, raw json.RawMessage) (run.Result, error) {
	return startWithoutSkills(ctx, raw)
}

// Textual is ReAct that begins with the lessons of earlier tasks and leaves one itself.
func Textual(ctx workflow.Context, raw json.RawMessage) (run.Result, error) {
	return startWithoutSkills(ctx, raw)
}

func startWithoutSkills(ctx workflow.Context, raw json.RawMessage) (run.Result, error) {
	in, err := DecodeInstall(raw)
	if err == nil {
		err = checkWithoutSkills(typeOf(ctx), in)
	}
	if err != nil {
		return run.Result{}, wrongInput(ctx, raw, err)
	}
	return newAgent(in).begin(ctx)
}

// checkWithoutSkills refuses what is about skills that are saved.
func checkWithoutSkills(workflowType string, in InstallInput) error {
	switch {
	case in.Save != nil:
		return fmt.Errorf("save: %s saves no skills, so leave it out", workflowType)
	case in.Approval != "" && in.Approval != ApproveNever:
		return fmt.Errorf("approval is %q: %s saves no skills that you could release; leave it out, or start %s", in.Approval, workflowType, SolveType)
	}
	return nil
}

// CheckFor is Check for the workflow type that takes the input, as the workflow makes it.
func (in InstallInput) CheckFor(workflowType string) error {
	err := in.Check()
	if err == nil && methods[workflowType] != metaskill.AgentFactoryName {
		err = checkWithoutSkills(workflowType, in)
	}
	return err
}

// MethodTypes are the workflow types by the names that people give their methods.
var MethodTypes = map[string]string{MethodAgentFactory: SolveType, MethodReAct: ReActType, MethodTextual: TextualType}

// methods are the names in metaskill by workflow type; those that are not here are run by the meta-agent.
var methods = map[string]string{ReActType: metaskill.ReActName, TextualType: metaskill.TextualName}

func methodOf(ctx workflow.Context) string { return methods[typeOf(ctx)] }
