package service

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"

	"agentfactory/workflows"
)

// listing knows whether runs can be found by our search attributes.
type listing struct {
	temporal Temporal
	known    atomic.Bool // once there, they stay
}

// register adds the search attributes that the server lacks. Where that is not allowed
// (Temporal Cloud), an operator does it; RegisterCommands says how.
func (l *listing) register(ctx context.Context) error {
	lacking, err := MissingSearchAttributes(ctx, l.temporal)
	if err != nil {
		return err
	}
	if len(lacking) > 0 {
		request := &operatorservice.AddSearchAttributesRequest{Namespace: l.temporal.Namespace, SearchAttributes: lacking}
		if _, err := l.temporal.OperatorService().AddSearchAttributes(ctx, request); err != nil {
			return fmt.Errorf("register search attributes: %w", err)
		}
	}
	l.known.Store(true)
	return nil
}

// check is asked by each run at its beginning, since an operator may have registered
// them after this worker was started.
func (l *listing) check(ctx context.Context) error {
	if l.known.Load() {
		return nil
	}
	lacking, err := MissingSearchAttributes(ctx, l.temporal)
	if err != nil {
		return err
	}
	if len(lacking) > 0 {
		return fmt.Errorf("the server lacks %s; `starter doctor` shows the commands that register them", strings.Join(slices.Sorted(maps.Keys(lacking)), ", "))
	}
	l.known.Store(true)
	return nil
}

// MissingSearchAttributes are those of workflows.SearchAttributes that the namespace does not have.
func MissingSearchAttributes(ctx context.Context, t Temporal) (map[string]enumspb.IndexedValueType, error) {
	there, err := t.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: t.Namespace})
	if err != nil {
		return nil, fmt.Errorf("list search attributes: %w", err)
	}
	lacking := workflows.SearchAttributes()
	maps.DeleteFunc(lacking, func(name string, _ enumspb.IndexedValueType) bool {
		_, ok := there.GetCustomAttributes()[name]
		return ok
	})
	return lacking, nil
}

// RegisterCommands are the lines of the Temporal CLI that register search attributes.
func RegisterCommands(namespace string, attributes map[string]enumspb.IndexedValueType) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		lines = append(lines, fmt.Sprintf("temporal operator search-attribute create --namespace %s --name %s --type %s", namespace, name, attributes[name]))
	}
	return lines
}
