package main

// allowed are the licences (SPDX) that let a program be used, changed and handed out for
// any purpose, with nothing more to do than to pass their text on; and MPL-2.0, which
// asks for the source of its own files alone, changed ones included: we change none.
var allowed = []string{
	"Apache-2.0", "BSD-2-Clause", "BSD-2-Clause-Views", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC", "MIT", "MIT-0", "MPL-2.0", "OFL-1.1", "Unicode-DFS-2016", "Unlicense", "Zlib", "0BSD",
}

// reading is what a person found in a module whose licence the scanner does not tell, or
// which is not on the list and may be used all the same.
type reading struct {
	licence string // SPDX, or "none stated"
	reason  string // where it stands, and why the module may be used
}

// byHand are modules that were read by a person, in that version: another one has to be read again.
var byHand = map[string]reading{
	"github.com/ajstarks/svgo@v0.0.0-20211024235047-1546f124cd8b": {
		"CC-BY-4.0", "asks for the author's name, which stands here: Anthony Starks"},
	"github.com/cactus/go-statsd-client/statsd@v0.0.0-20200423205355-cb0885a1018c": {
		"MIT", "the heads of its files name the LICENSE of the repository, of which the module is a directory"},
	"github.com/golang/freetype@v0.0.0-20170609003504-e2365dfdc4a0": {
		"FTL", "the FreeType licence, by choice of the two in its LICENSE. Portions of this software are copyright The FreeType Project (www.freetype.org). All rights reserved"},
	"github.com/nexus-rpc/nexus-proto-annotations@v0.1.0": {
		"none stated", "one file of generated options by Temporal's makers, which go.temporal.io/api (MIT) imports; no text of a licence comes with it"},
	"modernc.org/libc@v1.72.3": {
		"BSD-3-Clause", "LICENSE-3RD-PARTY.md adds musl (MIT), Go (BSD-3-Clause), go-netdb and nixpkgs (MIT), with their notices"},
}
