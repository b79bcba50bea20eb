package batches

import (
	"testing"

	"agentfactory/internal/llm/scripted"
)

func BenchmarkTheScriptIsWritten(b *testing.B) {
	for b.Loop() {
		Script()
	}
}

func BenchmarkTheScriptIsRead(b *testing.B) {
	text := Script()
	for b.Loop() {
		if _, err := scripted.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
