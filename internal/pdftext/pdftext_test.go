package pdftext_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"agentfactory/internal/pdftext"
	"agentfactory/internal/pyruntime"
	"agentfactory/internal/pyruntime/pyruntimetest"
	"agentfactory/internal/sandbox"
)

func reader(t *testing.T) (pdftext.Reader, *pyruntime.Runtime) {
	t.Helper()
	rt := pyruntimetest.New(t, sandbox.Confined)
	return pdftext.Reader{Python: rt}, rt
}

// document is a PDF of one page per text.
func document(texts ...string) []byte {
	var objects, kids []string
	for i, text := range texts {
		page := 4 + 2*i
		content := "BT /F1 12 Tf 72 720 Td (" + text + ") Tj ET"
		kids = append(kids, fmt.Sprintf("%d 0 R", page))
		objects = append(objects,
			fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R /Resources << /Font << /F1 3 0 R >> >> >>", page+1),
			fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content))
	}
	objects = append([]string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", strings.Join(kids, " "), len(texts)),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
	}, objects...)
	var pdf bytes.Buffer
	pdf.WriteString("%PDF-1.4\n")
	var offsets []int
	for i, object := range objects {
		offsets = append(offsets, pdf.Len())
		fmt.Fprintf(&pdf, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	table := pdf.Len()
	fmt.Fprintf(&pdf, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&pdf, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&pdf, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, table)
	return pdf.Bytes()
}

func TestDocumentsAreReadInTheSandbox(t *testing.T) {
	r, rt := reader(t)
	text, err := r.Text(t.Context(), document("K2 is 8611 m high", "Second page", ""))
	if errors.Is(err, pyruntime.ErrIndexUnavailable) && os.Getenv("AGENTFACTORY_TEST_REQUIRE") != "all" {
		t.Skip(err)
	}
	require.NoError(t, err)
	require.Equal(t, "K2 is 8611 m high\n\nSecond page", strings.TrimSpace(text))

	text, err = r.Text(t.Context(), document(""))
	require.NoError(t, err)
	require.Empty(t, text)

	for name, broken := range map[string][]byte{
		"no PDF at all": []byte("%PDF-1.7 and nothing else"), "empty": nil, "cut": document("x")[:300], "noise": bytes.Repeat([]byte{0xff, '<', '['}, 1<<16),
	} {
		_, err := r.Text(t.Context(), broken)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "\n")
		t.Log(name, err)
	}
	left, err := os.ReadDir(rt.WorkDir())
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestThePolicyForPackagesIsAsked(t *testing.T) {
	r, _ := reader(t)
	r.Allow = func(_ context.Context, name, _ string) error { return errors.New("rule no-packages denies " + name) }
	_, err := r.Text(t.Context(), document("x"))
	if errors.Is(err, pyruntime.ErrIndexUnavailable) && os.Getenv("AGENTFACTORY_TEST_REQUIRE") != "all" {
		t.Skip(err)
	}
	require.EqualError(t, err, "pypdf, which reads PDF documents, cannot be installed: rule no-packages denies pypdf")
}
