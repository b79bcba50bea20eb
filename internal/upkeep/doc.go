// Package upkeep looks after everything that lies in a bucket: it knows what refers to what, across the packages that write
// the records. [Collect] takes away what nothing refers to any more, [Check] finds references that lead nowhere and bytes
// that are not what they were, [Backup] and [Restore] carry a library out of a bucket and into an empty one.
//
// Collect reads references generously: whatever looks like the digest of a blob or like a key, anywhere in a record that is
// kept, keeps what it names. A record of a kind that this package has never seen keeps its blobs all the same. Check reads
// them strictly, by the names of fields (see references), because each one that leads nowhere is shown to a person.
//
// It may import internal/objectstore, internal/record, internal/skill and skillstore. It knows nothing of Temporal: which
// runs are open, and what schedules refer to, comes in from outside ([Held]).
package upkeep
