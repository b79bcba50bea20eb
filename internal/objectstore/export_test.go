package objectstore

import "time"

// SetPatience lets tests of stalled servers end soon.
func (b *Bucket) SetPatience(d time.Duration) { b.patience = d }
