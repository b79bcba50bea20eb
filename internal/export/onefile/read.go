package onefile

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Read returns the files of a script. The error is ErrNoFiles and says where the script is not as Write left it.
func Read(script []byte) (map[string][]byte, error) {
	_, rest, found := strings.Cut(string(script), "\n"+opening)
	if !found {
		return nil, fmt.Errorf("%w: there is no line %q", ErrNoFiles, strings.TrimSpace(opening))
	}
	files := map[string][]byte{}
	for !strings.HasPrefix(rest, closing) {
		path, data, after, err := entry(rest)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrNoFiles, 1+strings.Count(string(script[:len(script)-len(rest)]), "\n"), err)
		}
		if _, taken := files[path]; taken {
			return nil, fmt.Errorf("%w: %.200q is there twice", ErrNoFiles, path)
		}
		files[path], rest = data, after
	}
	return files, nil
}

// entry reads a path and what lies there.
func entry(s string) (path string, data []byte, rest string, err error) {
	s, ok := strings.CutPrefix(s, `"`)
	if !ok {
		return "", nil, "", fmt.Errorf("a path in quotes, or the end of the files, should stand here")
	}
	path, s, err = unescape(s, `"`)
	if err != nil {
		return "", nil, "", err
	}
	if body, ok := strings.CutPrefix(s, textBegin); ok {
		text, rest, err := unescape(body, textEnd)
		return path, []byte(text), rest, err
	}
	body, ok := strings.CutPrefix(s, bytesBegin)
	encoded, rest, closed := strings.Cut(body, bytesEnd)
	if !ok || !closed {
		return "", nil, "", fmt.Errorf("%.200q is followed by neither text nor bytes", path)
	}
	data, err = base64.StdEncoding.DecodeString(encoded)
	return path, data, rest, err
}

// unescape reads up to an end that is not escaped.
func unescape(s, end string) (text, rest string, err error) {
	var b strings.Builder
	for !strings.HasPrefix(s, end) {
		if s == "" {
			return "", "", fmt.Errorf("a text does not end")
		}
		r, size, err := character(s)
		if err != nil {
			return "", "", err
		}
		b.WriteRune(r)
		s = s[size:]
	}
	return b.String(), s[len(end):], nil
}

// character is the first one of a text, and how many bytes stand for it.
func character(s string) (rune, int, error) {
	switch {
	case s[0] != '\\':
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 {
			return 0, 0, fmt.Errorf("it is not UTF-8")
		}
		return r, size, nil
	case len(s) > 1 && strings.ContainsRune(`\'"`, rune(s[1])):
		return rune(s[1]), 2, nil
	case len(s) >= 10 && s[1] == 'U':
		code, err := strconv.ParseUint(s[2:10], 16, 32)
		if err != nil || !utf8.ValidRune(rune(code)) {
			return 0, 0, fmt.Errorf("%.10q is no character", s)
		}
		return rune(code), 10, nil
	}
	return 0, 0, fmt.Errorf("%.4q is an escape that is not used here", s)
}
