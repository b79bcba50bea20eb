package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// readJina has a page read by Jina Reader: POST / with the address, JSON accepted. The error says in a line why that
// service did not read it.
func (t *reading) readJina(ctx context.Context, target *url.URL) (page, error) {
	got, err := t.jina.exchange.do(ctx, func(ctx context.Context) (*http.Request, error) { return t.jinaRequest(ctx, target) })
	var f *failure
	if errors.As(err, &f) {
		return page{}, errors.New(t.jina.explain(f, jinaMessage(f.body)))
	}
	if err != nil {
		return page{}, err
	}
	return readJinaAnswer(got, target)
}

func (t *reading) jinaRequest(ctx context.Context, target *url.URL) (*http.Request, error) {
	body, err := json.Marshal(map[string]string{"url": target.String()})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.jina.base+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+t.jina.key)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	return r, nil
}

func readJinaAnswer(got answer, target *url.URL) (page, error) {
	var said struct {
		Data *struct{ Title, URL, Content, Warning string }
	}
	if got.cut {
		return page{}, fmt.Errorf("the answer of Jina Reader has more than %d bytes", maxService)
	}
	if err := json.Unmarshal(got.body, &said); err != nil || said.Data == nil {
		return page{}, errors.New("the answer of Jina Reader cannot be read: check JINA_BASE_URL")
	}
	d := said.Data
	if strings.HasPrefix(d.Warning, "Target URL returned error") {
		return page{}, fmt.Errorf("Jina Reader: %s", line(d.Warning))
	}
	if strings.TrimSpace(d.Content) == "" {
		return page{}, errors.New("Jina Reader found no text")
	}
	p := page{text: strings.TrimSpace(d.Content), title: d.Title, url: cmp.Or(d.URL, target.String()), notes: notes{"read by Jina Reader"}}
	if d.Warning != "" {
		p.notes.add("its warning: %s", line(d.Warning))
	}
	return p, nil
}

// jinaMessage is what an error of the service says, "" if it is of an unknown kind.
func jinaMessage(body []byte) string {
	var said struct{ ReadableMessage, Message string }
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	return cmp.Or(said.ReadableMessage, said.Message)
}
