package chaos

import (
	"fmt"
	"slices"
)

// blow is one thing that is done to the set-up, and undone. It returns what it was seen to hit: a blow that hits nothing
// shows nothing.
type blow struct {
	name   string
	strike func(c *chaos) (hit string)
}

// blows are in the order of the parts; the test shuffles them.
var blows = []blow{
	{"a worker is killed", func(c *chaos) string {
		h := c.model.hold()
		w := c.top.Worker(h.worker)
		c.end(w, w.Kill)
		h.release()
		w.Start()
		return h.String()
	}},
	{"all workers are killed", func(c *chaos) string {
		h := c.model.hold()
		for _, w := range c.top.Workers {
			c.end(w, w.Kill)
		}
		h.release()
		for _, w := range c.top.Workers {
			w.Start()
		}
		return h.String()
	}},
	{"the Temporal server is killed", func(c *chaos) string {
		h := c.model.hold()
		c.top.Temporal.Kill()
		h.release() // its answer has to be kept without Temporal
		c.awaitUnready(h.worker, "temporal")
		c.top.Temporal.Start()
		return h.String()
	}},
	{"PostgreSQL is killed", func(c *chaos) string {
		h := c.model.hold()
		c.top.Postgres.Kill()
		h.release()
		hit := c.awaitDeaf(h)
		c.top.Postgres.Start()
		return hit
	}},
	{"the S3 server is killed", func(c *chaos) string {
		h := c.model.hold()
		c.top.S3.Kill()
		h.release()
		hit := c.awaitFailing("StorageUnavailable")
		c.top.S3.Start()
		return h.String() + "; " + hit
	}},
	{"the browser of a worker is killed", func(c *chaos) string {
		c.site.hold()
		n := c.killBrowsers()
		c.site.release()
		return fmt.Sprintf("%d processes of Chromium in the middle of a page", n)
	}},
	{"a worker's connections to Temporal are cut", func(c *chaos) string {
		h := c.model.hold()
		l := c.toTemporal[h.worker]
		return cut(c, h, l, func() string { return c.awaitUnready(h.worker, "temporal") })
	}},
	{"a worker's connections to S3 are cut", func(c *chaos) string {
		h := c.model.hold()
		l := c.toS3[h.worker]
		return cut(c, h, l, func() string { return c.awaitFailing("StorageUnavailable") })
	}},
	{"a worker's connections to Temporal are half-open", func(c *chaos) string {
		h := c.model.hold()
		l := c.toTemporal[h.worker]
		before := l.carried.connections.Load()
		return halfOpen(h, l, func() string {
			c.await("worker to connect anew", func() bool { return l.carried.connections.Load() > before })
			return "it connected anew"
		})
	}},
	{"a worker's connections to S3 are half-open", func(c *chaos) string {
		h := c.model.hold()
		return halfOpen(h, c.toS3[h.worker], func() string { return c.awaitFailing("StorageUnavailable") })
	}},
	{"the Temporal server's connections to PostgreSQL are cut", func(c *chaos) string {
		h := c.model.hold()
		return cut(c, h, c.toPostgres, func() string { return c.awaitDeaf(h) })
	}},
	{"the Temporal server's connections to PostgreSQL are half-open", func(c *chaos) string {
		h := c.model.hold()
		return halfOpen(h, c.toPostgres, func() string { return c.awaitDeaf(h) })
	}},
	{"the workers' connections to Temporal and S3 are slow", func(c *chaos) string {
		return slow(c, 100, slices.Concat(c.toTemporal, c.toS3)...)
	}},
	{"the Temporal server's connections to PostgreSQL are slow", func(c *chaos) string {
		return slow(c, 10, c.toPostgres) // a step of a workflow is dozens of statements
	}},
	{"the disk of S3 is full", func(c *chaos) string {
		h := c.model.hold()
		c.s3Disk.fill()
		h.release()
		hit := c.awaitFailing("StorageUnavailable")
		c.s3Disk.free()
		return hit
	}},
	{"the workers' scratch disks are full", func(c *chaos) string {
		c.site.hold() // a browser that is at work needs its disk: one waits for a page
		for _, d := range c.scratch {
			d.fill()
		}
		hit := c.awaitFailing("SandboxUnavailable")
		for _, d := range c.scratch {
			d.free()
		}
		c.site.release()
		return hit
	}},
}

// cut resets the connections of the worker whose call is held, then refuses them, until it is seen to suffer of it.
func cut(c *chaos, h *held, l *link, suffers func() string) string {
	before := l.carried.connections.Load()
	l.reset()
	h.release()
	c.await(l.name+": connections that were reset", func() bool { return l.carried.connections.Load() >= before+2 })
	l.down()
	hit := suffers()
	l.heal()
	return fmt.Sprintf("%s; connections were reset %d times; %s", h, l.carried.connections.Load()-before, hit)
}

// halfOpen swallows what is said over a link, from the answer to the held call on, until it is seen what comes of it: bytes that
// nobody acknowledges are waited for in vain for a while, then given up for lost.
func halfOpen(h *held, l *link, comes func() string) string {
	sent := l.carried.bytes.Load()
	l.halfOpen()
	h.release()
	hit := comes()
	l.heal()
	return fmt.Sprintf("%s; %d bytes were swallowed; %s", h, l.carried.bytes.Load()-sent, hit)
}

// slow delays everything by so many milliseconds each way, more or less by half of that, until runs have come to their ends in
// spite of it.
func slow(c *chaos, latency int, links ...*link) string {
	for _, l := range links {
		l.slow(latency, latency/2, 256)
	}
	c.awaitEnds(2)
	for _, l := range links {
		l.heal()
	}
	return "2 runs ended meanwhile"
}
