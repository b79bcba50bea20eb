package skillstore

import (
	"context"

	"agentfactory/internal/objectstore"
)

// ObjectsOf lets tests look at a library, and build one, as it lies in its objects.
func (l *Libraries) ObjectsOf(ctx context.Context, name string) (objectstore.Store, error) {
	s, err := l.library(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.objects.Store, nil
}
