package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"agentfactory/internal/codec"
)

const gcKey = "2026-11:q3Nn1tTBvR0CnVfBqUjO6cM4uGdPpZbYwXr8sKlJhEY="

func TestNothingGoesWhileAnInputCannotBeRead(t *testing.T) {
	none := &codec.Keys{}
	keys, err := codec.Parse(gcKey)
	require.NoError(t, err)
	plain, err := converter.GetDefaultDataConverter().ToPayloads(map[string]string{"tasks": "blobs/sha256/…"}, []byte("bytes"), nil)
	require.NoError(t, err)
	sealed, err := keys.Encode(plain.GetPayloads())
	require.NoError(t, err)
	for _, stored := range [][]*commonpb.Payload{plain.GetPayloads(), sealed} {
		found, err := texts(keys, "workflow w", stored)
		require.NoError(t, err)
		require.Len(t, found, 3)
		require.Contains(t, string(found[0]), "blobs/sha256/…")
	}

	_, err = texts(none, "schedule nightly", sealed)
	require.ErrorIs(t, err, codec.ErrUnknownKey)
	require.ErrorContains(t, err, "the input of schedule nightly cannot be read")
	foreign := &commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: []byte("binary/zlib")}, Data: []byte("?")}
	_, err = texts(keys, "schedule nightly", []*commonpb.Payload{foreign})
	require.ErrorContains(t, err, `the input of schedule nightly is encoded as "binary/zlib"`)
	require.ErrorContains(t, err, "nothing may be taken away")
}
