package service

import (
	"fmt"
	"io"
	"os"

	"agentfactory/internal/codec"
	"agentfactory/internal/config"
)

// maxKeysFile keeps a wrong path from being read whole, in bytes.
const maxKeysFile = 64 << 10

// PayloadKeys are the configured ones, which may be none. Its errors are of one line and codec.ErrKeys; they never show a key.
func PayloadKeys(e config.Encryption) (*codec.Keys, error) {
	if e.PayloadKeysFile == "" {
		keys, err := codec.Parse(e.PayloadKeys.Reveal())
		if err != nil {
			return nil, fmt.Errorf("AGENTFACTORY_PAYLOAD_KEYS (encryption.payload_keys): %w", err)
		}
		return keys, nil
	}
	keys, err := keysIn(e.PayloadKeysFile)
	if err != nil {
		return nil, fmt.Errorf("AGENTFACTORY_PAYLOAD_KEYS_FILE (encryption.payload_keys_file): %w", err)
	}
	return keys, nil
}

// keysIn reads a file. One without keys is a mistake: whoever names it wants encryption.
func keysIn(path string) (*codec.Keys, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", codec.ErrKeys, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeysFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", codec.ErrKeys, err)
	case len(text) > maxKeysFile:
		return nil, fmt.Errorf("%w: %s is larger than %d KiB: give a file with a key in a line", codec.ErrKeys, path, maxKeysFile>>10)
	}
	keys, err := codec.Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if keys.Encrypting() == "" {
		return nil, fmt.Errorf("%w: there is none in %s: write one like 2026-11:BASE64, made with `openssl rand -base64 32`", codec.ErrKeys, path)
	}
	return keys, nil
}
