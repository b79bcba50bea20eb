package main

import (
	"os"
	"testing"

	"agentfactory/internal/embedded/s3server"
)

func TestMain(m *testing.M) {
	s3server.MaybeRun()
	os.Exit(m.Run())
}
