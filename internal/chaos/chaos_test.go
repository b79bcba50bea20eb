package chaos

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"agentfactory/internal/topology"
)

var (
	rounds = flag.Int("chaos.rounds", 1, "how often each blow falls")
	seed   = flag.Uint64("chaos.seed", 0, "seed of the order of the blows; 0 takes one from the clock")
	only   = flag.String("chaos.only", "", "regular expression: other blows are left out")
)

const (
	patience = 3 * time.Minute        // for what is sure to come
	stuck    = 10 * time.Minute       // a run that takes longer will never end
	tick     = 100 * time.Millisecond // between two looks
	slots    = 3                      // stories that go on side by side
	workers  = 2
)

// Every part of a production set-up is killed, kept from the others, slowed or filled while runs go on. They all end as if
// nothing had happened, no acknowledged model call is made again, and the library holds exactly what was made.
// See docs/chaos.md.
func TestRunsSurviveWhatHappensToTheParts(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("again with -chaos.seed %d -chaos.rounds %d", *seed, *rounds)
	c := start(t)
	c.load = keepGoing(c.client, c.site.URL, slots)
	c.awaitEnds(len(stories))
	for _, b := range plan(*rounds, *seed) {
		c.let(b)
	}
	c.load.stop()
	c.requireEveryRunEndedRight()
	calls, again := c.requireNoAcknowledgedCallWasRepeated()
	t.Logf("%d blows, %d runs, %d model calls of which %d were made again", len(c.fallen), len(c.load.all()), calls, again)
	c.requireTheLibraryHoldsWhatWasMade()
	c.requireTheBucketIsSound()
	c.requireNothingIsLeft()
}

// plan is every blow once in each round, in a random order.
func plan(rounds int, seed uint64) (all []blow) {
	random, wanted := rand.New(rand.NewPCG(seed, 0)), regexp.MustCompile(*only)
	for range rounds {
		for _, i := range random.Perm(len(blows)) {
			if wanted.MatchString(blows[i].name) {
				all = append(all, blows[i])
			}
		}
	}
	return all
}

// chaos is a set-up with runs going on in it.
type chaos struct {
	t          testing.TB
	top        *topology.Topology
	client     client.Client
	bucket     string // directory of the bucket
	model      *model
	site       *site
	toTemporal []*link // of each worker
	toS3       []*link // of each worker
	toPostgres *link   // of the Temporal server
	s3Disk     *disk
	scratch    []*disk // two of each worker
	load       *load
	striking   time.Time // when the latest blow began to fall
	fallen     []fallen
	came       map[process]string // of which worker that has ended a process came
}

// fallen is a blow that was struck.
type fallen struct {
	name     string
	from, to time.Time
}

// start brings the set-up up, with links between its parts and with disks of its own.
func start(t testing.TB) *chaos {
	t.Helper()
	dir := topology.PublicDir(t)
	c := &chaos{t: t, model: newModel(t, script), site: newSite(t), s3Disk: newDisk(t, filepath.Join(dir, "s3"), "256m"), came: map[process]string{}}
	for i := range workers {
		name := fmt.Sprintf("worker-%d", i)
		c.scratch = append(c.scratch, newDisk(t, filepath.Join(dir, name), "256m"), newDisk(t, filepath.Join(dir, name+"-tmp"), "256m"))
	}
	policy := filepath.Join(dir, "policy.yaml")
	require.NoError(t, os.WriteFile(policy, []byte(rules), 0o644))
	c.top = topology.Start(t, topology.Options{
		Workers: workers, ModelFor: c.model.urlFor, Dir: dir, Proxy: c.link,
		WorkerEnv: []string{"AGENTFACTORY_CHECKS=off", "AGENTFACTORY_POLICY=" + policy, "AGENTFACTORY_PRIVATE_HOSTS=127.0.0.1", "PLAYWRIGHT_DRIVER_PATH=" + driver(t)},
	})
	c.client, c.bucket = c.top.Client(), c.top.BucketDir()
	return c
}

// link puts a link between two parts. Each worker has its own.
func (c *chaos) link(between topology.Link, target string) (address string) {
	l := newLink(c.t, string(between), target)
	switch between {
	case topology.WorkerToTemporal:
		c.toTemporal = append(c.toTemporal, l)
	case topology.WorkerToS3:
		c.toS3 = append(c.toS3, l)
	case topology.TemporalToPostgres:
		c.toPostgres = l
	}
	return l.address()
}

// rules let the browser visit this machine.
const rules = `version: 1
extends: default
rules:
  - {name: the-shop, trigger: host, when: 'tool == "browser_automation" && host == "127.0.0.1" && method == "GET"', action: allow}
`

// let strikes a blow while runs go on, and waits until they go on again.
func (c *chaos) let(b blow) {
	c.t.Logf("%s %s …", time.Now().Format(time.TimeOnly), b.name)
	c.striking = time.Now()
	hit := b.strike(c)
	f := fallen{b.name, c.striking, time.Now()}
	c.fallen = append(c.fallen, f)
	c.awaitEnds(2)
	c.t.Logf("%s: %s; %.1f s, going on after %.1f s more", b.name, hit, f.to.Sub(f.from).Seconds(), time.Since(f.to).Seconds())
}

// driver is the directory of the Playwright driver.
func driver(t testing.TB) string {
	dir := os.Getenv("AGENTFACTORY_TEST_PLAYWRIGHT")
	if _, err := os.Stat(filepath.Join(dir, "node")); err != nil {
		topology.Lacks(t, "no Playwright driver: name its directory in AGENTFACTORY_TEST_PLAYWRIGHT")
	}
	return dir
}
