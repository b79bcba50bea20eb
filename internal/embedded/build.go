package embedded

import (
	"debug/elf"
	"fmt"
	"os"
	"strings"
	"sync"
)

// ownBuild identifies the binary of this process, even when its file was replaced or
// deleted (`go run` does that) since.
var ownBuild = sync.OnceValue(func() string { return buildOf("/proc/self/exe") })

// buildOf returns the identity of a binary: the Go toolchain's build ID, which is a
// digest of its content and survives copying; without one, size and time.
func buildOf(path string) string {
	if f, err := elf.Open(path); err == nil {
		defer f.Close()
		if note := f.Section(".note.go.buildid"); note != nil {
			if id, err := note.Data(); err == nil && len(id) > noteHeader {
				return strings.TrimRight(string(id[noteHeader:]), "\x00") // padded to whole words
			}
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return "unknown"
	}
	return fmt.Sprintf("%d-%d", info.Size(), info.ModTime().UnixNano())
}

// noteHeader is three words and the name "Go\0\0" before an ELF note's content.
const noteHeader = 16
