package web

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/charmap"
)

// decodeText makes UTF-8 of a document. Servers often name the wrong encoding, so what its bytes say comes first: what is
// valid UTF-8 beyond ASCII is hardly ever anything else, and what is not UTF-8 is not taken for it.
func decodeText(body []byte, contentType string) string {
	if beyondASCII(body) && utf8.Valid(whole(body)) {
		return string(bytes.TrimPrefix(whole(body), []byte("\ufeff")))
	}
	encoding, name, certain := charset.DetermineEncoding(body, contentType)
	if name == "utf-8" || !certain {
		if mostlyUTF8(body) {
			return string(bytes.ToValidUTF8(body, []byte("�")))
		}
		encoding, name, _ = charset.DetermineEncoding(body, "") // what the document says of itself
	}
	if name == "utf-8" {
		encoding = charmap.Windows1252
	}
	text, err := encoding.NewDecoder().Bytes(body)
	if err != nil {
		text = body
	}
	return string(bytes.ToValidUTF8(text, []byte("�")))
}

// whole leaves out a character that was cut in two at the end.
func whole(body []byte) []byte {
	for back := 1; back <= utf8.UTFMax && back <= len(body); back++ {
		if rest := body[len(body)-back:]; utf8.RuneStart(rest[0]) {
			if !utf8.FullRune(rest) {
				return body[:len(body)-back]
			}
			break
		}
	}
	return body
}

func beyondASCII(body []byte) bool {
	for _, b := range body {
		if b >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

// mostlyUTF8 tells UTF-8 with a few faults from text of another encoding.
func mostlyUTF8(body []byte) bool {
	right, wrong := 0, 0
	for len(body) > 0 {
		r, size := utf8.DecodeRune(body)
		switch {
		case r == utf8.RuneError && size == 1:
			wrong++
		case size > 1:
			right++
		}
		body = body[size:]
	}
	return right >= wrong
}
