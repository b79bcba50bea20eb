package scripted

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"agentfactory/internal/llm"
)

// Recorder passes requests on to a real server, streams its answers through, and appends each complete chat completion
// to a script, from which a Server repeats it. Keys and headers are not recorded; what the messages say is. When the
// script can no longer be written, requests are refused rather than lost to the recording.
type Recorder struct {
	proxy    *httputil.ReverseProxy
	apiKey   string
	messages messageMemory

	mu     sync.Mutex
	file   *os.File
	failed error
}

// NewRecorder records the server at baseURL (with the version path) to the script at path, which is created or
// continued. apiKey replaces the key that clients send; without one theirs is passed on.
func NewRecorder(baseURL, apiKey, path string) (*Recorder, error) {
	upstream, err := url.Parse(baseURL)
	if err != nil || upstream.Host == "" {
		return nil, fmt.Errorf("record: the base URL is not an http(s) URL; it should look like %s", llm.DefaultBaseURL)
	}
	file, err := openScript(path)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	r := &Recorder{apiKey: apiKey, file: file}
	r.proxy = &httputil.ReverseProxy{
		Rewrite:        func(p *httputil.ProxyRequest) { r.rewrite(p, upstream) },
		ModifyResponse: r.listen,
		ErrorHandler:   unreachable,
		FlushInterval:  -1, // pass pieces on as they come
		// A stream that breaks off breaks off for the client as well, who is the one to tell.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	return r, nil
}

// openScript opens a script to which exchanges can be appended.
func openScript(path string) (*os.File, error) {
	existing, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	script, err := Parse(existing)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	heading := ""
	if len(script.Exchanges) == 0 {
		heading = "exchanges:\n"
	}
	trial := string(existing) + heading + "- {request: trial, model: trial, reply: {text: trial}}\n"
	if _, err := Parse([]byte(trial)); err != nil {
		return nil, fmt.Errorf("%s cannot be continued: exchanges must be the last key of the file", path)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = file.WriteString(heading)
	return file, err
}

// Close closes the script.
func (r *Recorder) Close() error { return r.file.Close() }

// ServeHTTP passes one request on.
func (r *Recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if err := r.broken(); err != nil {
		refuse(http.StatusInternalServerError, "", err.Error()).send(w)
		return
	}
	if strings.HasSuffix(request.URL.Path, "/chat/completions") {
		body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, maxRequestBytes))
		if err != nil {
			refuse(http.StatusBadRequest, "", "read request: "+err.Error()).send(w)
			return
		}
		request.Body = io.NopCloser(bytes.NewReader(body))
		if asked, err := readRequest(body, &r.messages); err == nil { // else the server will say what is wrong
			noted := exchangeBegun{asked, strings.TrimPrefix(request.Header.Get("Authorization"), "Bearer ")}
			request = request.WithContext(context.WithValue(request.Context(), exchangeKey{}, noted))
		}
	}
	r.proxy.ServeHTTP(w, request)
}

// exchangeBegun is what is remembered of a request that is passed on, under exchangeKey in its context.
type (
	exchangeBegun struct {
		asked     *request
		clientKey string
	}
	exchangeKey struct{}
)

func (r *Recorder) broken() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *Recorder) rewrite(p *httputil.ProxyRequest, upstream *url.URL) {
	p.Out.URL.Path, p.Out.URL.RawPath = strings.TrimPrefix(p.In.URL.Path, "/v1"), ""
	p.SetURL(upstream)
	p.Out.Header.Del("Accept-Encoding") // so that the transport unpacks what has to be read here
	if r.apiKey != "" {
		p.Out.Header.Set("Authorization", "Bearer "+r.apiKey)
	}
}

func unreachable(w http.ResponseWriter, _ *http.Request, err error) {
	refuse(http.StatusBadGateway, "", "the recorded server cannot be reached: "+err.Error()).send(w)
}

// listen keeps a copy of a chat completion while it passes through.
func (r *Recorder) listen(response *http.Response) error {
	begun, ok := response.Request.Context().Value(exchangeKey{}).(exchangeBegun)
	if ok && response.StatusCode == http.StatusOK {
		response.Body = &copiedBody{ReadCloser: response.Body, whole: func(body []byte) { r.record(begun, body) }}
	}
	return nil
}

// copiedBody hands over what was read through it when it ends or is closed.
type copiedBody struct {
	io.ReadCloser
	read  bytes.Buffer
	once  sync.Once
	whole func(body []byte)
}

func (c *copiedBody) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.read.Write(p[:n])
	if err != nil {
		c.once.Do(func() { c.whole(c.read.Bytes()) })
	}
	return n, err
}

func (c *copiedBody) Close() error {
	c.once.Do(func() { c.whole(c.read.Bytes()) })
	return c.ReadCloser.Close()
}

// record appends an exchange. A reply that broke off is not recorded: whoever asked will ask again.
func (r *Recorder) record(begun exchangeBegun, body []byte) {
	reply, err := llm.ReadReply(bytes.NewReader(body), len(begun.asked.messages))
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed != nil {
		return
	}
	item, err := formatExchange(newExchange(begun.asked, reply, time.Now()))
	if err == nil {
		_, err = r.file.WriteString(maskKeys(item, r.apiKey, begun.clientKey))
	}
	if err != nil {
		r.failed = fmt.Errorf("record: append to %s: %w", r.file.Name(), err)
	}
}

// maskedKey is a plain word, so that it cannot break the YAML that it is put into.
const maskedKey = "masked-key"

// maskKeys serves the case that a message repeats a key.
func maskKeys(text string, keys ...string) string {
	for _, key := range keys {
		if len(key) >= 8 { // shorter ones are no secrets, but parts of words
			text = strings.ReplaceAll(text, key, maskedKey)
		}
	}
	return text
}
