package codec

import (
	"context"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"
)

// Converters are what a Temporal client is made with, and what reads payloads that the client hands out as they are
// stored: memos, histories, the arguments of schedules, the failures of pending activities.
type Converters struct {
	Data    converter.DataConverter
	Failure converter.FailureConverter
}

// Converters encrypt values and the messages and stack traces of failures with the first key, if there is one, and read
// what any of the keys has encrypted and what is not encrypted.
func (k *Keys) Converters() Converters {
	data := dataConverter{converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), k), k}
	return Converters{Data: data, Failure: temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter: data, EncodeCommonAttributes: k.Encrypting() != "",
	})}
}

// Message is that of a failure as the server stores it.
func (c Converters) Message(f *failurepb.Failure) string {
	f = proto.CloneOf(f)
	converter.DecodeCommonFailureAttributes(c.Data, f)
	return f.GetMessage()
}

// dataConverter is another one in workflows.
type dataConverter struct {
	converter.DataConverter
	keys *Keys
}

var _ converter.ContextAware = dataConverter{}

// WithWorkflowContext implements converter.ContextAware.
func (d dataConverter) WithWorkflowContext(workflow.Context) converter.DataConverter {
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), patient{d.keys})
}

// WithContext implements converter.ContextAware.
func (d dataConverter) WithContext(context.Context) converter.DataConverter { return d }

// patient panics where a payload cannot be read. In a workflow an error would end the run as failed, or send it another
// way; a panic fails the workflow task, which Temporal repeats until a worker has the key.
type patient struct{ *Keys }

// Decode implements converter.PayloadCodec.
func (p patient) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	plain, err := p.Keys.Decode(payloads)
	if err != nil {
		panic(fmt.Errorf("the run waits for a worker that can read it: %w", err))
	}
	return plain, nil
}
