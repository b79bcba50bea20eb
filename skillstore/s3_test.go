package skillstore_test

import (
	"testing"

	"agentfactory/internal/embedded/s3server/s3test"
	"agentfactory/skillstore"
	"agentfactory/skillstore/storetest"
)

func TestS3KeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) skillstore.Store { return skillstore.New(s3test.Bucket(t)) })
}
