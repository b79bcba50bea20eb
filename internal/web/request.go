package web

import (
	"bytes"
	"encoding/json"
	"strings"

	"agentfactory/internal/gateway"
)

// decode fills a request of a subagent. fields names what there is, for the author of a misspelt one.
func decode(body json.RawMessage, request any, fields string) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(request); err != nil {
		return gateway.Errorf(gateway.InvalidRequest, "%s; there are %s", strings.TrimPrefix(err.Error(), "json: "), fields)
	}
	return nil
}

// reply encodes what a tool found, as readable as it came: without escapes for HTML.
func reply(found any) (gateway.ToolReply, error) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	err := e.Encode(found)
	return gateway.ToolReply{Body: bytes.TrimSpace(body.Bytes())}, err
}
