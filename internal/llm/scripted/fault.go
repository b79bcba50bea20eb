package scripted

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// String says what goes wrong, for the log.
func (f Fault) String() string {
	var parts []string
	if f.Status != 0 {
		parts = append(parts, fmt.Sprintf("status %d", f.Status))
	}
	if f.Stall != 0 {
		parts = append(parts, "stall "+time.Duration(f.Stall).String())
	}
	if f.CutAfterChunks != 0 {
		parts = append(parts, fmt.Sprintf("cut after %d chunks", f.CutAfterChunks))
	}
	if f.Body != "" {
		parts = append(parts, "body")
	}
	if f.FinishReason != "" {
		parts = append(parts, "finish_reason "+f.FinishReason)
	}
	return strings.Join(parts, ", ")
}

// faulty decides how the fault shows: as a broken stream, as another answer, or as a reply that comes late or ends
// oddly.
func (d delivery) faulty(fault Fault, entry *Entry) (sender, error) {
	switch {
	case fault.CutAfterChunks > 0:
		return func(w http.ResponseWriter) { d.cut(w, fault) }, nil
	case fault.Body != "":
		entry.Status = max(http.StatusOK, fault.Status)
		return d.after(fault.Stall, func(w http.ResponseWriter) { sendBody(w, entry.Status, fault.Body) }), nil
	case fault.Status != 0:
		entry.Status = fault.Status
		return d.after(fault.Stall, fault.asError().send), nil
	}
	if fault.FinishReason != "" {
		d.said.finishReason = fault.FinishReason
	}
	return d.after(fault.Stall, d.send), nil
}

func (d delivery) after(stall Duration, send sender) sender {
	return func(w http.ResponseWriter) {
		if d.wait(stall) {
			send(w)
		}
	}
}

func (f Fault) asError() *httpError {
	failure := refuse(f.Status, f.Code, fmt.Sprintf("scripted fault: %d %s", f.Status, http.StatusText(f.Status)))
	failure.retryAfter = time.Duration(f.RetryAfter)
	return failure
}

// cut sends the beginning of a reply, and then an error or the end of the connection.
func (d delivery) cut(w http.ResponseWriter, fault Fault) {
	if d.stream {
		d.sendPieces(w, min(fault.CutAfterChunks, len(d.said.deltas())))
	} else {
		document := encode(d.said.document())
		w.Header().Set("Content-Length", fmt.Sprint(len(document)))
		w.Write(document[:len(document)/2])
	}
	flush(w)
	d.wait(fault.Stall)
	if fault.Status != 0 && d.stream {
		d.sendEvent(w, fault.asError().body())
		return
	}
	panic(http.ErrAbortHandler) // net/http's way to break off an answer
}

func sendBody(w http.ResponseWriter, status int, body string) {
	kind := "application/json"
	switch {
	case strings.HasPrefix(body, "data:"):
		kind = "text/event-stream"
	case strings.HasPrefix(body, "<"):
		kind = "text/html"
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	io.WriteString(w, body)
}
