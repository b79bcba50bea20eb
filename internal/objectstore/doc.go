// Package objectstore keeps bytes in one S3 bucket: records that are created once and never changed, pointers that
// move by compare-and-swap, and blobs named by the digest of what they hold.
//
// Every durable thing of this project lies behind [Store]: a record counts as written when its call returned without an
// error, and as unknown, never as absent, when the call failed with [ErrUnavailable] or a cancelled context. No
// [Store] deletes anything; [Bucket.Remove] does, for whoever cares for the data. An [Overlay] is a store of its own on
// top of another one, which it never changes. Callers decide by errors.Is on the sentinel errors of this package.
//
// The package knows S3 and files; it imports no other package of this module.
package objectstore
