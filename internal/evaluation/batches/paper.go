package batches

import "embed"

// paperFiles holds the tasks of the paper in our own words (docs/evaluation-batch-paper.md), the recordings that two of them
// come with, and the scripts that check twenty of them; ten are judged by a rubric. What is said in the recordings is in
// no file that a run is given.
//
//go:embed paper/paper-1.jsonl paper/paper-2.jsonl paper/data/*.mp3 paper/checks/*.py
var paperFiles embed.FS

func paper() Batch {
	return Batch{
		Name: "paper", Tasks: []string{"paper-1.jsonl", "paper-2.jsonl"}, Files: below(paperFiles, "paper"), NeedsNetwork: true,
		Description: "the 30 tasks of the AgentFactory paper in our own words; needs the web and a real model",
	}
}
