package archive

import (
	"bytes"
	"fmt"
	"io"

	"agentfactory/internal/evaluation"
)

// writers are the forms of a report by the end of their files' names.
var writers = map[string]func(io.Writer, evaluation.Report) error{
	"json": evaluation.JSON, "csv": evaluation.CSV, "summary.csv": evaluation.SummaryCSV, "md": evaluation.Markdown, "html": evaluation.HTML,
}

// Forms writes a report in all forms; each is a file report.<form>.
func Forms(r evaluation.Report) (map[string][]byte, error) {
	forms := map[string][]byte{}
	for form, write := range writers {
		var b bytes.Buffer
		if err := write(&b, r); err != nil {
			return nil, fmt.Errorf("write report.%s: %w", form, err)
		}
		forms[form] = b.Bytes()
	}
	return forms, nil
}
