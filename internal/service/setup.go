package service

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"agentfactory/internal/config"
	"agentfactory/internal/objectstore"
)

// PrepareBucket makes the configured bucket where there is none, and lets it keep versions. It needs more permissions than
// workers have, and doing it twice is harmless.
func PrepareBucket(ctx context.Context, c config.Config) error {
	api, err := s3Client(ctx)
	if err != nil {
		return err
	}
	return objectstore.EnsureBucket(ctx, api, c.S3.Bucket)
}

// PrepareNamespace creates the namespace where there is none, and says whether it did. Closed workflows of a new one are
// kept for the retention.
func PrepareNamespace(ctx context.Context, t Temporal, retention time.Duration) (created bool, err error) {
	var missing *serviceerror.NamespaceNotFound
	if err := CheckNamespace(ctx, t); !errors.As(err, &missing) {
		return false, err
	}
	_, err = t.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: t.Namespace, WorkflowExecutionRetentionPeriod: durationpb.New(retention),
	})
	var raced *serviceerror.NamespaceAlreadyExists
	if errors.As(err, &raced) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("create Temporal's namespace %s: %w", t.Namespace, err)
	}
	return true, nil
}

// PrepareSearchAttributes registers those that the namespace lacks and returns their names. Where that is not allowed, as
// on Temporal Cloud, the error has the commands that do it.
func PrepareSearchAttributes(ctx context.Context, t Temporal) ([]string, error) {
	lacking, err := MissingSearchAttributes(ctx, t)
	if err != nil {
		return nil, err
	}
	err = (&listing{temporal: t}).register(ctx)
	var denied *serviceerror.PermissionDenied
	if errors.As(err, &denied) {
		return nil, fmt.Errorf("%w; whoever may does it by: %s", err, strings.Join(RegisterCommands(t.Namespace, lacking), "; "))
	}
	return slices.Sorted(maps.Keys(lacking)), err
}
