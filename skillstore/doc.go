// Package skillstore keeps the versioned library of skills: immutable numbered versions, one head per skill that moves
// by compare-and-swap, the cases that later versions are tested against, and a search over what is current.
//
// [Store] is the library; [S3] is the library in a bucket, with these keys:
//
//	skills/<name>/head.json                      the one mutable record
//	skills/<name>/versions/<0001>/manifest.json  immutable
//	skills/<name>/versions/<0001>/gate/<id>.json immutable: how the version did against the one before
//	skills/<name>/cases/<id>/case.json           immutable
//	skills/<name>/cases/<id>/mark.json           what a person said about the case, moved by compare-and-swap
//	uses/<name>/records/<id>.json                immutable: how a version did in a run
//	uses/<name>/summary.json                     what most records add up to; made again from them when it is lost
//	openfailures/v1/<name>.json                  whether a skill may have open failures, moved by compare-and-swap
//	blobs/sha256/<2>/<digest>                    the files
//	catalog/v1/…                                 the heads once more, compacted for search; see docs/search.md
//
// [Libraries] are that one, which is the live one, and those beside it that evaluations work with:
//
//	snapshots/<name>.json                             immutable: a library as it was at one time
//	evaluations/<id>/libraries/<arm>/library.json     immutable: the snapshot that a library began with
//	evaluations/<id>/libraries/<arm>/objects/<key>    what was written to it since, by the keys above
//
// Every write is safe to repeat: what an earlier attempt did, although its reply was lost, is found and taken as done.
// Nothing is deleted here (see internal/upkeep). The catalog is a cache: it can be made again from the rest, and is where it is damaged or missing.
// [S3.Heads] alone lists the whole library, whose length grows with every version and case. [Import] and [Export] turn
// directories of the Agent Skills standard into drafts and back.
//
// The package may import internal/skill, internal/objectstore, internal/record, internal/search and internal/metaskill; it
// knows nothing of Temporal, nor of who computes embeddings ([Embedder]).
package skillstore
