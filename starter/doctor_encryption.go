package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"agentfactory/internal/service"
)

// encryption tells whether Temporal gets payloads encrypted, and with which key.
func (d *diagnosis) encryption(context.Context) []finding {
	f := finding{Check: "payload encryption", Status: fine}
	keys, err := service.PayloadKeys(d.cfg.Encryption)
	switch {
	case err != nil:
		f.Status, f.Detail, f.Remedy = missing, err.Error(), "write each key as ID:BASE64, made with `openssl rand -base64 32`"
	case keys.Encrypting() == "":
		f.Status, f.Detail = unused, "off: Temporal stores payloads as they are"
	default:
		f.Detail = fmt.Sprintf("on, with key %s", keys.Encrypting())
		if others := keys.IDs()[1:]; len(others) > 0 {
			f.Detail += "; " + strings.Join(others, ", ") + " can be read as well"
		}
	}
	return append([]finding{f}, d.keysFile()...)
}

// keysFile looks whether others may read the keys.
func (d *diagnosis) keysFile() []finding {
	info, err := os.Stat(d.cfg.Encryption.PayloadKeysFile)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return []finding{{Check: "payload keys", Status: warning, Detail: d.cfg.Encryption.PayloadKeysFile + " holds keys and others may read it", Remedy: "chmod 600 it"}}
}
