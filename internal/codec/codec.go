package codec

import (
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// The errors of Decode, for errors.Is.
var (
	// ErrUnknownKey: the payload is encrypted with a key that is not configured here.
	ErrUnknownKey = errors.New("the key is not configured here: add it behind the others in AGENTFACTORY_PAYLOAD_KEYS or its file")
	// ErrCorrupt: the payload is not what was encrypted, or another key has the ID of the one that encrypted it.
	ErrCorrupt = errors.New("it was changed, or its key ID names another key here")
)

// The metadata of an encrypted payload, as in Temporal's samples.
const (
	encoding      = "binary/encrypted"
	metadataKeyID = "encryption-key-id"
)

var _ converter.PayloadCodec = (*Keys)(nil)

// Encode implements converter.PayloadCodec: it encrypts with the first key, and returns what it got when there is none.
func (k *Keys) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	id := k.Encrypting()
	if id == "" {
		return payloads, nil
	}
	encrypted := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		plain, err := proto.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("encrypt a payload: %w", err)
		}
		encrypted[i] = &commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encoding), metadataKeyID: []byte(id)},
			// Nothing is bound to the payload as additional data: schedules, resets and continue-as-new move payloads
			// between runs, and the samples bind nothing either.
			Data: k.ciphers[id].Seal(nil, nil, plain, nil),
		}
	}
	return encrypted, nil
}

// Decode implements converter.PayloadCodec. Payloads that are not encrypted are returned as they are: runs that began
// before there was a key go on, and programs without one can start runs. ErrUnknownKey, ErrCorrupt.
func (k *Keys) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	plain := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		var err error
		if plain[i], err = k.decode(p); err != nil {
			return nil, err
		}
	}
	return plain, nil
}

func (k *Keys) decode(p *commonpb.Payload) (*commonpb.Payload, error) {
	if !Encrypted(p) {
		return p, nil
	}
	id := KeyID(p)
	c, known := k.ciphers[id]
	if !known {
		return nil, fmt.Errorf("a payload is encrypted with key %q: %w", shown(id), ErrUnknownKey)
	}
	text, err := c.Open(nil, nil, p.GetData(), nil)
	plain := &commonpb.Payload{}
	if err == nil {
		err = proto.Unmarshal(text, plain)
	}
	if err != nil {
		return nil, fmt.Errorf("a payload that is encrypted with key %q cannot be read: %w", id, ErrCorrupt)
	}
	return plain, nil
}

// shown is an ID that somebody else wrote, cut to what one of ours could be.
func shown(id string) string { return id[:min(len(id), 32)] }

// Encrypted tells whether a payload is one of this codec's.
func Encrypted(p *commonpb.Payload) bool {
	return string(p.GetMetadata()[converter.MetadataEncoding]) == encoding
}

// KeyID is the ID of the key that a payload is encrypted with.
func KeyID(p *commonpb.Payload) string { return string(p.GetMetadata()[metadataKeyID]) }
