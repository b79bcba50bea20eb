package codec

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"
)

// newKey is a key in base64.
func newKey() string {
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key) // never fails
	return base64.StdEncoding.EncodeToString(key)
}

func parsed(t testing.TB, text string) *Keys {
	t.Helper()
	k, err := Parse(text)
	require.NoError(t, err)
	return k
}

func TestKeysAreReadFromLinesAndLists(t *testing.T) {
	a, b, c := newKey(), newKey(), newKey()
	k := parsed(t, "# made in November\n 2026-11:"+a+"\r\n\n2026-10:"+b+", old:"+c+"\n")
	require.Equal(t, []string{"2026-11", "2026-10", "old"}, k.IDs())
	require.Equal(t, "2026-11", k.Encrypting())
	require.Empty(t, parsed(t, " \n# none\n").Encrypting())
	require.Equal(t, []string{a, b}, Secrets("x:"+a+" y:"+b))
}

func TestWrongKeysAreRefusedInALineThatDoesNotShowThem(t *testing.T) {
	key := newKey()
	for name, c := range map[string]struct{ text, says string }{
		"a key without an ID":     {key, "number 1 is not written like 2026-11:BASE64"},
		"a key in place of an ID": {key + ":a", "number 1 is not written like"},
		"a short key":             {"a:" + key + " b:c2hvcnQ=", "number 2 (b) is not 32 bytes in base64"},
		"no base64":               {"a:%" + key, "number 1 (a) is not 32 bytes"},
		"an ID twice":             {"a:" + key + ",a:" + newKey(), "a stands there twice"},
		"a key twice":             {"a:" + key + ",b:" + key, "a and b are the same key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(c.text)
			require.ErrorIs(t, err, ErrKeys)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), key)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestNothingPrintsAKey(t *testing.T) {
	key := newKey()
	raw, err := base64.StdEncoding.DecodeString(key)
	require.NoError(t, err)
	k := parsed(t, "a:"+key)
	var out strings.Builder
	slog.New(slog.NewJSONHandler(&out, nil)).Info("keys", "keys", k)
	text, err := json.Marshal(k)
	require.NoError(t, err)
	shown := fmt.Sprintf("%v %+v %#v %s %x %d", k, k, k, k, k, k) + out.String() + string(text)
	require.NotContains(t, shown, key)
	require.NotContains(t, shown, fmt.Sprint(raw)[1:20])
	require.Contains(t, fmt.Sprintf("%+v", k), "a")
}

func TestAPayloadComesBackWhole(t *testing.T) {
	k := parsed(t, "a:"+newKey())
	plain := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain"), "messageType": []byte("x")}, Data: []byte(`"the task"`)}
	encrypted, err := k.Encode([]*commonpb.Payload{plain, plain})
	require.NoError(t, err)
	require.Equal(t, "binary/encrypted", string(encrypted[0].Metadata["encoding"]))
	require.Equal(t, "a", string(encrypted[0].Metadata["encryption-key-id"]))
	require.Len(t, encrypted[0].Data, 12+proto.Size(plain)+16, "nonce, ciphertext, tag: the layout of Temporal's samples")
	require.NotContains(t, string(encrypted[0].Data), "task")
	require.NotEqual(t, encrypted[0].Data, encrypted[1].Data, "equal payloads do not look equal")
	back, err := k.Decode(encrypted)
	require.NoError(t, err)
	require.True(t, proto.Equal(plain, back[0]))
}

func TestKeysAreRotated(t *testing.T) {
	a, b := "a:"+newKey(), "b:"+newKey()
	old, both, fresh := parsed(t, a).Converters(), parsed(t, b+"\n"+a).Converters(), parsed(t, b).Converters()
	payload, err := old.Data.ToPayload("the task")
	require.NoError(t, err)
	var text string
	require.NoError(t, both.Data.FromPayload(payload, &text))
	require.Equal(t, "the task", text)
	payload, err = both.Data.ToPayload("another")
	require.NoError(t, err)
	require.Equal(t, "b", KeyID(payload))
	require.NoError(t, fresh.Data.FromPayload(payload, &text))
	require.Equal(t, "another", text)
	err = old.Data.FromPayload(payload, &text)
	require.ErrorIs(t, err, ErrUnknownKey)
	require.ErrorContains(t, err, `encrypted with key "b"`)
	require.ErrorContains(t, parsed(t, "").Converters().Data.FromPayload(payload, &text), "AGENTFACTORY_PAYLOAD_KEYS", "without keys as well")
}

func TestPayloadsOfBeforeAreRead(t *testing.T) {
	payload, err := converter.GetDefaultDataConverter().ToPayload("old")
	require.NoError(t, err)
	var text string
	require.NoError(t, parsed(t, "a:"+newKey()).Converters().Data.FromPayload(payload, &text))
	require.Equal(t, "old", text)
}

func TestADamagedPayloadIsRefused(t *testing.T) {
	k := parsed(t, "a:"+newKey())
	encrypted, err := k.Encode([]*commonpb.Payload{{Data: []byte("x")}})
	require.NoError(t, err)
	for i := range encrypted[0].Data {
		damaged := proto.CloneOf(encrypted[0])
		damaged.Data[i] ^= 1
		_, err := k.Decode([]*commonpb.Payload{damaged})
		require.ErrorIs(t, err, ErrCorrupt)
	}
	for _, data := range [][]byte{nil, encrypted[0].Data[:27]} {
		_, err := k.Decode([]*commonpb.Payload{{Metadata: encrypted[0].Metadata, Data: data}})
		require.ErrorIs(t, err, ErrCorrupt)
	}
	_, err = parsed(t, "a:"+newKey()).Decode(encrypted)
	require.ErrorContains(t, err, "its key ID names another key here")
}

func TestMessagesOfFailuresAreEncryptedWhereThereIsAKey(t *testing.T) {
	failed := temporal.NewApplicationErrorWithCause("no task", "InvalidInput", errors.New("the canary"), map[string]string{"field": "secret"})
	c := parsed(t, "a:"+newKey()).Converters()
	stored := c.Failure.ErrorToFailure(failed)
	text := stored.String()
	for _, secret := range []string{"no task", "the canary", "secret"} {
		require.NotContains(t, text, secret)
	}
	require.Contains(t, text, "InvalidInput", "the type is not encrypted")
	require.Equal(t, "no task", c.Message(stored))
	require.Equal(t, "Encoded failure", stored.GetMessage(), "Message changes nothing")
	require.ErrorContains(t, c.Failure.FailureToError(stored), "no task")
	require.Equal(t, "no task", parsed(t, "").Converters().Failure.ErrorToFailure(failed).GetMessage())
}

// TestAWorkflowWaitsForItsKey: with an error in place of the panic, the run would end as failed.
func TestAWorkflowWaitsForItsKey(t *testing.T) {
	payload, err := parsed(t, "a:"+newKey()).Converters().Data.ToPayload("the task")
	require.NoError(t, err)
	data := parsed(t, "b:"+newKey()).Converters().Data.(workflow.ContextAware)
	var text string
	require.ErrorIs(t, data.WithContext(t.Context()).FromPayload(payload, &text), ErrUnknownKey, "activities and programs get an error")
	require.PanicsWithError(t, `the run waits for a worker that can read it: a payload is encrypted with key "a": `+ErrUnknownKey.Error(), func() {
		_ = data.WithWorkflowContext(nil).FromPayload(payload, &text)
	})
}

func FuzzParse(f *testing.F) {
	f.Add("a:" + newKey())
	f.Add("# x\na:AAAA,b:")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := Parse(text)
		if err != nil {
			require.ErrorIs(t, err, ErrKeys)
			require.NotContains(t, err.Error(), "\n")
			return
		}
		for _, id := range k.IDs() {
			require.Regexp(t, idGrammar, id)
		}
	})
}

func FuzzDecode(f *testing.F) {
	k, err := Parse("a:" + newKey())
	require.NoError(f, err)
	whole, err := k.Encode([]*commonpb.Payload{{Data: []byte("x")}})
	require.NoError(f, err)
	f.Add("a", whole[0].Data)
	f.Add("b", []byte("x"))
	f.Fuzz(func(t *testing.T, id string, data []byte) {
		_, err := k.Decode([]*commonpb.Payload{{Metadata: map[string][]byte{"encoding": []byte(encoding), metadataKeyID: []byte(id)}, Data: data}})
		if err != nil {
			require.True(t, errors.Is(err, ErrUnknownKey) || errors.Is(err, ErrCorrupt))
		}
	})
}

func BenchmarkRoundTrip(b *testing.B) {
	k := parsed(b, "a:"+newKey())
	for _, size := range []int{1 << 10, 256 << 10} {
		plain := []*commonpb.Payload{{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: make([]byte, size)}}
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				encrypted, err := k.Encode(plain)
				require.NoError(b, err)
				_, err = k.Decode(encrypted)
				require.NoError(b, err)
			}
		})
	}
}
