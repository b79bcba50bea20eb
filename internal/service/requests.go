package service

import (
	"strings"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/telemetry"
)

// counted has the requests to the part of a bucket below prefix counted by what they are about.
func counted(to *telemetry.Telemetry, prefix string) objectstore.Setting {
	if prefix != "" {
		prefix += "/"
	}
	return objectstore.WithObserver(func(r objectstore.Request) {
		to.S3Request(r.Operation, recordKind(strings.TrimPrefix(r.Key, prefix)), r.Status, r.Took)
	})
}

// kinds are the words for what lies in a bucket. They are labels of a metric, so there are few.
var kinds = map[string]bool{
	"blobs": true, "catalog": true, "snapshots": true, "uses": true, "lessons": true, "exports": true, "evaluations": true,
	"runs/turns": true, "runs/workspace": true, "runs/journal": true, "runs/result.json": true,
	"skills": true, "skills/head.json": true, "skills/versions": true, "skills/cases": true,
}

// recordKind is what a key is of: its first segment, and of runs and skills the part of them, such as runs/turns; skills alone
// is a listing of many. Names of runs and skills are not in it. What is none of these is other.
func recordKind(key string) string {
	segments := strings.Split(strings.TrimSuffix(key, "/"), "/")
	kind := segments[0]
	switch {
	case kind == "runs" && len(segments) > 3: // runs/<workflow>/<run>/<part>
		kind += "/" + segments[3]
	case kind == "skills" && len(segments) > 2: // skills/<name>/<part>
		kind += "/" + segments[2]
	}
	if kinds[kind] {
		return kind
	}
	return "other"
}
