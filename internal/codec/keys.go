// Package codec encrypts what Temporal would otherwise store in the clear: inputs and results of workflows, activities,
// signals, queries and updates, memos, summaries, and the messages of failures. Search attributes, names, IDs and times
// stay readable for the server, which needs them.
//
// A payload is encrypted whole, its metadata included, with AES-256-GCM, in the layout of Temporal's own encryption
// samples, so that programs in other languages can read and write it with the sample for theirs: metadata encoding
// "binary/encrypted", encryption-key-id, and as data a random nonce of 12 bytes, the ciphertext and a tag of 16 bytes.
//
// The package knows Temporal's SDK and keys; it imports no other package of this module.
package codec

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"unicode"
)

// ErrKeys: the configured keys cannot be used. The message says which one and why, and never shows it.
var ErrKeys = errors.New("payload keys")

// Keys encrypt and decrypt payloads. Without any, nothing is encrypted, and what is encrypted cannot be read. They are
// safe for concurrent use, and no way to print them shows more than their IDs.
type Keys struct {
	ids     []string // the first encrypts
	ciphers map[string]cipher.AEAD
}

const keyBytes = 32 // AES-256

// idGrammar keeps IDs shorter than a key in base64 or hexadecimal is, so that one in the wrong place is never shown as an ID.
var idGrammar = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$`)

// Parse reads keys, each an ID, a colon and 32 bytes in base64. Lines, commas and spaces stand between them; lines that
// begin with # are comments. ErrKeys.
func Parse(text string) (*Keys, error) {
	k := &Keys{ciphers: map[string]cipher.AEAD{}}
	ofKey := map[string]string{} // IDs
	for _, entry := range entries(text) {
		id, key, err := parseKey(entry)
		if err != nil {
			return nil, fmt.Errorf("%w: number %d %w", ErrKeys, len(k.ids)+1, err)
		}
		if k.ciphers[id] != nil {
			return nil, fmt.Errorf("%w: %s stands there twice: give each key an ID of its own", ErrKeys, id)
		}
		if other, taken := ofKey[string(key)]; taken {
			return nil, fmt.Errorf("%w: %s and %s are the same key: make a new one with `openssl rand -base64 32`", ErrKeys, other, id)
		}
		if k.ciphers[id], err = newCipher(key); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrKeys, id, err)
		}
		k.ids, ofKey[string(key)] = append(k.ids, id), id
	}
	return k, nil
}

// entries leaves out comments.
func entries(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		list = append(list, strings.FieldsFunc(line, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })...)
	}
	return list
}

// Secrets are the keys in what Parse reads, as they are written there, for those who keep them out of what is printed.
func Secrets(text string) []string {
	var list []string
	for _, entry := range entries(text) {
		if _, key, found := strings.Cut(entry, ":"); found {
			list = append(list, key)
		}
	}
	return list
}

func parseKey(entry string) (id string, key []byte, err error) {
	id, encoded, found := strings.Cut(entry, ":")
	if !found || !idGrammar.MatchString(id) {
		return "", nil, errors.New("is not written like 2026-11:BASE64: an ID of at most 32 letters, digits, '.', '_' and '-', then the key")
	}
	key, err = base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) != keyBytes {
		return "", nil, fmt.Errorf("(%s) is not %d bytes in base64: make one with `openssl rand -base64 32`", id, keyBytes)
	}
	return id, key, nil
}

func newCipher(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Encrypting is the ID of the key that payloads are encrypted with, "" when they are not.
func (k *Keys) Encrypting() string {
	if len(k.ids) == 0 {
		return ""
	}
	return k.ids[0]
}

// IDs are those of all keys, the encrypting one first.
func (k *Keys) IDs() []string { return append([]string(nil), k.ids...) }

// Format covers every verb of fmt.
func (k *Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, strings.Join(k.ids, " ")) }

// LogValue covers slog.
func (k *Keys) LogValue() slog.Value { return slog.StringValue(strings.Join(k.ids, " ")) }
