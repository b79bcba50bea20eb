package skill

import "fmt"

// IndependentSuccesses is how many independent successes make a skill mature unless told otherwise.
const IndependentSuccesses = 3

// NextTrust applies the rule of trust to a skill that is trusted as now says, given the recent uses of its current
// version, oldest first, and returns the trust from now on with the reason.
//
//   - A failure that is the skill's fault makes it provisional at once, and what it earned before no longer counts: one
//     is enough, because mature skills are exported to where nobody repairs them.
//   - `needed` independent successes since the last such failure make it mature. Successes are independent when both task
//     and workflow differ: a task that is solved ten times, or a run that is reset, proves no more than once. Each success
//     counts, in the order of time, if neither its task nor its workflow has counted before.
//   - Failures that are not its fault say nothing about it.
//   - Fewer successes and no failure leave the trust as it is, which a person may have given.
func NextTrust(now Trust, recent []Use, needed int) (Trust, string) {
	failed, streak := sinceFailure(recent)
	earned := independent(streak)
	switch {
	case earned >= max(needed, 1):
		return Mature, fmt.Sprintf("%d independent successes", earned)
	case failed != nil:
		return Provisional, fmt.Sprintf("failed in run %s, %d of %d independent successes since", failed.WorkflowID, earned, max(needed, 1))
	}
	return now, fmt.Sprintf("%d of %d independent successes", earned, max(needed, 1))
}

// sinceFailure returns the last failure that is the skill's fault, if there is one, and the uses after it.
func sinceFailure(uses []Use) (*Use, []Use) {
	for i := len(uses) - 1; i >= 0; i-- {
		if uses[i].Outcome == UseFailure {
			return &uses[i], uses[i+1:]
		}
	}
	return nil, uses
}

func independent(uses []Use) int {
	tasks, workflows := map[string]bool{}, map[string]bool{}
	for _, u := range uses {
		if u.Outcome == UseSuccess && !tasks[u.Task] && !workflows[u.WorkflowID] {
			tasks[u.Task], workflows[u.WorkflowID] = true, true
		}
	}
	return len(tasks)
}
