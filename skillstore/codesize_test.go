package skillstore

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheSizeOfCodeCountsWhatIsNeitherBlankNorComment(t *testing.T) {
	var size CodeSize
	size.add("# a comment\n\nimport json\n\ndef main(query):\n    # another\n    return load(query)\n\n\nasync def load(query):\n    return json.loads(query)\n")
	size.add("undefined = 1\r\n")
	require.Equal(t, CodeSize{Lines: 6, Functions: 2}, size)
}
