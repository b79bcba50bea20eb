// Package proof finds out whether an export works: its files are unpacked in a clean sandbox that has none of this
// project's own modules, and its program is asked what the skill was asked in its stored cases. The calls of tools and
// models that were recorded then are answered now over HTTP, in the wire forms of the services and at the addresses that
// the artifact's modules are configured with; nothing leaves the machine, and no real key is there.
//
// A call that was not recorded is answered with 404 and decides nothing about its case. What the program answers is
// held against what the skill answered; where that differs the case's check script decides, and where there is none,
// the skill itself is run once more on the same recording: what it does not repeat either, an export need not.
//
// It imports internal/export, the sandbox and what runs in it (internal/pyruntime, internal/checking), and the records of
// internal/gateway and internal/egress.
package proof
