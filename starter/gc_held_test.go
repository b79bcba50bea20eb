package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
)

func TestNothingGoesWhileAnInputCannotBeRead(t *testing.T) {
	plain, err := converter.GetDefaultDataConverter().ToPayloads(map[string]string{"tasks": "blobs/sha256/…"}, []byte("bytes"), nil)
	require.NoError(t, err)
	found, err := texts("workflow w", plain.GetPayloads())
	require.NoError(t, err)
	require.Len(t, found, 3)
	require.Contains(t, string(found[0]), "blobs/sha256/…")

	sealed := &commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: []byte("binary/encrypted")}, Data: []byte("?")}
	_, err = texts("schedule nightly", []*commonpb.Payload{sealed})
	require.ErrorContains(t, err, `the input of schedule nightly is encoded as "binary/encrypted"`)
	require.ErrorContains(t, err, "nothing may be taken away")
}
