package workflows

import (
	"errors"
	"fmt"

	"agentfactory/activities"
)

// DeployType is the workflow type that exports skills; it takes DeployInput.
const DeployType = "Deploy"

// DeployInput is the one argument of Deploy, which makes standalone artifacts of saved skills. Skills or All is required.
type DeployInput struct {
	Skills           []string `json:"skills,omitempty"`            // names, of their current versions, or NAME@VERSION
	All              bool     `json:"all,omitempty"`               // every skill of the library that is mature
	Formats          []string `json:"formats,omitempty"`           // default: agent-skills
	AllowProvisional bool     `json:"allow_provisional,omitempty"` // also skills that have not proved themselves yet
	AllowUnproved    bool     `json:"allow_unproved,omitempty"`    // also artifacts that no stored case could be tried on
	WithoutCases     bool     `json:"without_cases,omitempty"`     // ship no past queries and answers
}

// DeployResult is what came of it. A skill that failed is in Failed and the others are exported nevertheless.
type DeployResult struct {
	Artifacts []activities.Artifact     `json:"artifacts"`
	Failed    []activities.FailedExport `json:"failed"`
}

// Bounds of one Deploy.
const (
	MaxDeployed  = 100 // skills
	deployAtOnce = 4   // that are made side by side
)

// DefaultFormat is the one that a Deploy makes which names none.
const DefaultFormat = "agent-skills"

// DecodeDeploy reads the input of a Deploy strictly, as people write it.
func DecodeDeploy(raw []byte) (DeployInput, error) {
	var in DeployInput
	if err := strict(raw, &in); err != nil {
		return DeployInput{}, err
	}
	return in, in.Check()
}

// Check refuses what no Deploy can start with. Formats and skills are looked up by the first activity.
func (in DeployInput) Check() error {
	switch {
	case len(in.Skills) == 0 && !in.All:
		return errors.New("skills is empty: name the saved skills to be exported, or set all")
	case len(in.Skills) > 0 && in.All:
		return errors.New("skills and all exclude each other")
	case len(in.Skills) > MaxDeployed:
		return fmt.Errorf("skills has %d names; at most %d are exported at once", len(in.Skills), MaxDeployed)
	}
	return nil
}
