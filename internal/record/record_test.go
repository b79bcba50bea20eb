package record_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/record"
)

// note is a record whose format rose twice: words became text, then seconds became milliseconds.
type note struct {
	Text         string `json:"text"`
	Milliseconds int64  `json:"milliseconds,omitempty"`
}

var third = record.NewFormat(
	func(f record.Fields) error {
		if words, ok := f["words"]; ok {
			f["text"] = words
			delete(f, "words")
		}
		return nil
	},
	func(f record.Fields) error {
		var seconds int64
		if raw, ok := f["seconds"]; ok {
			if err := json.Unmarshal(raw, &seconds); err != nil {
				return err
			}
			f["milliseconds"], _ = json.Marshal(seconds * 1000)
		}
		return nil
	},
)

func TestRecordsOfEveryFormatAreReadAsTheCurrentOne(t *testing.T) {
	for name, body := range map[string]string{
		"one without a format is of format 1": `{"words":"hello","seconds":2}`,
		"one of format 1":                     `{"format":1,"words":"hello","seconds":2}`,
		"one of format 2":                     `{"format":2,"text":"hello","seconds":2}`,
		"one of the current format":           `{"format":3,"text":"hello","milliseconds":2000,"later":"ignored"}`,
	} {
		t.Run(name, func(t *testing.T) {
			var n note
			require.NoError(t, third.Decode([]byte(body), &n))
			require.Equal(t, note{"hello", 2000}, n)
		})
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	body, err := third.Encode(note{Text: "hello"})
	require.NoError(t, err)
	require.JSONEq(t, `{"format":3,"text":"hello"}`, string(body))
	var n note
	require.NoError(t, third.Decode(body, &n))
	require.Equal(t, note{Text: "hello"}, n)

	empty, err := record.One.Encode(struct{}{})
	require.NoError(t, err)
	require.Equal(t, `{"format":1}`, string(empty))
}

func TestWhatCannotBeReadSaysWhy(t *testing.T) {
	var n note
	err := record.One.Decode([]byte(`{"format":2,"text":"hello"}`), &n)
	require.ErrorIs(t, err, record.ErrNewer)
	require.ErrorContains(t, err, "upgrade this program")
	require.Empty(t, n)
	for _, body := range []string{``, `[]`, `{"format":"x"}`, `{"format":0}`, `{"format":-1}`, `{"text":1}`, `{"text":"a"}{}`} {
		require.ErrorIs(t, record.One.Decode([]byte(body), &n), record.ErrMalformed, body)
	}
	_, err = record.One.Encode([]string{"a list"})
	require.ErrorIs(t, err, record.ErrMalformed)
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"format":1,"words":"hello","seconds":2}`))
	f.Add([]byte(`{"format":9}`))
	f.Add([]byte(` {"text":null} `))
	f.Fuzz(func(t *testing.T, body []byte) {
		var n note
		if third.Decode(body, &n) != nil {
			return
		}
		again, err := third.Encode(n)
		require.NoError(t, err)
		var same note
		require.NoError(t, third.Decode(again, &same))
		require.Equal(t, n, same)
	})
}
