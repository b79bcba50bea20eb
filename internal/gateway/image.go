package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Part is a piece of a message: a text or an image.
type Part struct {
	Type      string `json:"type"` // text or image
	Text      string `json:"text,omitempty"`
	MediaType string `json:"media_type,omitempty"` // of an image: image/png, image/jpeg, image/gif or image/webp
	Data      []byte `json:"data,omitempty"`       // of an image; base64 on the wire
}

const (
	partText  = "text"
	partImage = "image"

	maxImages = 8       // of one call
	maxImage  = 5 << 20 // bytes
)

var imageTypes = []string{"image/png", "image/jpeg", "image/gif", "image/webp"}

// message reads a content that is a text (or null) or a list of parts.
func (m messageBody) message(i int) (Message, error) {
	read := Message{Role: m.Role}
	content := bytes.TrimSpace(m.Content)
	if !bytes.HasPrefix(content, []byte("[")) {
		if len(content) > 0 && json.Unmarshal(content, &read.Content) != nil {
			return read, Errorf(InvalidRequest, "messages[%d].content is neither a text nor a list of parts", i)
		}
		return read, nil
	}
	if err := decode(m.Content, &read.Parts); err != nil {
		return read, Errorf(InvalidRequest, "messages[%d].content: %s", i, err.(*Error).Message)
	}
	if len(read.Parts) == 0 {
		return read, Errorf(InvalidRequest, "messages[%d].content is an empty list; give at least one part", i)
	}
	for j, p := range read.Parts {
		if err := p.check(m.Role); err != nil {
			return read, Errorf(InvalidRequest, "messages[%d].content[%d]: %v", i, j, err)
		}
	}
	if m.Role != "user" { // of the others models take texts alone, and not in parts
		read.Content, read.Parts = textOf(read.Parts), nil
	}
	return read, nil
}

func textOf(parts []Part) string {
	var texts []string
	for _, p := range parts {
		texts = append(texts, p.Text)
	}
	return strings.Join(texts, "\n")
}

func (p Part) check(role string) error {
	switch {
	case p.Type == partText && p.MediaType == "" && len(p.Data) == 0:
		return nil
	case p.Type == partText:
		return fmt.Errorf("a text has neither media_type nor data")
	case p.Type != partImage:
		return fmt.Errorf("type is %.40q; use text or image", p.Type)
	case role != "user":
		return fmt.Errorf("an image is in a message of the role %s; models take images from user alone", role)
	case len(p.Data) > maxImage:
		return fmt.Errorf("the image has %d bytes; at most %d are taken", len(p.Data), maxImage)
	case !slices.Contains(imageTypes, p.MediaType):
		return fmt.Errorf("media_type is %.40q; use one of %s", p.MediaType, strings.Join(imageTypes, ", "))
	}
	if found := http.DetectContentType(p.Data); found != p.MediaType {
		return fmt.Errorf("the image is %s by its content and not %s", found, p.MediaType)
	}
	return nil
}

// images are those of a request, in their order.
func (r LLMRequest) images() (images []Part) {
	for _, m := range r.Messages {
		for _, p := range m.Parts {
			if p.Type == partImage {
				images = append(images, p)
			}
		}
	}
	return images
}

func checkImages(r LLMRequest) error {
	if n := len(r.images()); n > maxImages {
		return Errorf(InvalidRequest, "the call has %d images; at most %d are taken", n, maxImages)
	}
	return nil
}

// recordedImage is what the journal keeps of an image: enough to know it again, and not its bytes.
type recordedImage struct {
	Type      string `json:"type"`
	MediaType string `json:"media_type"`
	SHA256    string `json:"sha256"`
	Bytes     int    `json:"bytes"`
}

// withoutImages is the body as the journal keeps it. A request without images stays as it is, and so does its digest.
func withoutImages(body json.RawMessage, r LLMRequest) (json.RawMessage, error) {
	if len(r.images()) == 0 {
		return body, nil
	}
	var b llmBody
	if err := json.Unmarshal(body, &b); err != nil {
		return nil, Errorf(InvalidRequest, "%v", err)
	}
	for i, m := range r.Messages {
		if len(m.Parts) == 0 {
			continue
		}
		kept := make([]any, 0, len(m.Parts))
		for _, p := range m.Parts {
			kept = append(kept, p.recorded())
		}
		content, err := encode(kept)
		if err != nil {
			return nil, Errorf(InvalidRequest, "%v", err)
		}
		b.Messages[i].Content = content
	}
	return encode(b)
}

func (p Part) recorded() any {
	if p.Type != partImage {
		return p
	}
	return recordedImage{Type: partImage, MediaType: p.MediaType, SHA256: digestOf(p.Data), Bytes: len(p.Data)}
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
