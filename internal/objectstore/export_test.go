package objectstore

import "time"

// SetPatience lets tests of stalled servers end soon.
func (b *Bucket) SetPatience(d time.Duration) { b.patience = d }

// Name lets tests put objects into the bucket past all checks.
func (b *Bucket) Name() string { return b.name }

// SetNow lets tests store blobs at another time.
func (b *Blobs) SetNow(now func() time.Time) { b.now = now }
