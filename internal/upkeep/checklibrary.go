package upkeep

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/record"
	"agentfactory/internal/skill"
	"agentfactory/skillstore"
)

// checkLive checks the live library: skills with their versions, cases, marks and gates, and uses.
func (c *inspector) checkLive(ctx context.Context) error {
	c.sum.Libraries++
	c.Progress("skills")
	err := walkFolders(ctx, c.bucket, skillsRoot, 2, func(f folder) error {
		return c.checkSkill(ctx, c.bucket, c.libraries.Live(), "", f)
	})
	if err != nil {
		return err
	}
	return walkFolders(ctx, c.bucket, usesRoot, 2, func(f folder) error { return c.checkUses(ctx, f) })
}

// inspectedSkill is what is known of one skill of a library.
type inspectedSkill struct {
	*inspector
	library skillstore.Store
	own     string // what stands before the keys of the library in the bucket
	known   map[string]objectstore.Info
}

// checkSkill reads the records of a skill through its library, and asks the library for those that identify themselves: it
// checks that they are where they belong.
func (c *inspector) checkSkill(ctx context.Context, objects objectstore.Store, library skillstore.Store, own string, f folder) error {
	s := &inspectedSkill{c, library, own, c.sawAll(f)}
	s.checkHeadless(f)
	return readEach(ctx, objects, f.objects, func(o objectstore.Info, body []byte) error {
		c.sum.Records++
		shown := objectstore.Info{Key: own + o.Key}
		ok, err := c.checkRecord(ctx, shown, body, nil)
		if err != nil || !ok {
			return err
		}
		return s.identify(ctx, o.Key, body)
	})
}

// savedWithin is more than a first save takes from its version to its head, outages of S3 included.
const savedWithin = time.Hour

// checkHeadless finds a skill whose head is lost. The catalog is brought up to heads, so that it forgets the skill before long.
func (s *inspectedSkill) checkHeadless(f folder) {
	head := f.prefix + "head.json"
	if _, there := s.known[head]; there {
		return
	}
	for _, o := range f.objects {
		if strings.HasPrefix(o.Key, f.prefix+"versions/") && strings.HasSuffix(o.Key, "/manifest.json") && s.now.Sub(o.Modified) > savedWithin {
			s.report(s.own+head, "it is missing, and versions of the skill are there")
			return
		}
	}
}

// identify checks a record by its kind: skills/<name>/<kind>/….
func (s *inspectedSkill) identify(ctx context.Context, key string, body []byte) error {
	name, file, _ := strings.Cut(strings.TrimPrefix(key, skillsRoot), "/")
	parts := strings.Split(file, "/")
	var err error
	switch {
	case file == "head.json":
		return s.checkHead(ctx, key, name)
	case len(parts) == 3 && parts[0] == "versions" && parts[2] == "manifest.json":
		_, err = s.library.Version(ctx, name, number(parts[1]))
	case len(parts) == 4 && parts[0] == "versions" && parts[2] == "gate":
		return s.checkGate(ctx, key, name, body)
	case len(parts) == 3 && parts[0] == "cases" && parts[2] == "case.json":
		_, err = s.library.Case(ctx, name, parts[1])
	case len(parts) == 3 && parts[0] == "cases" && parts[2] == "mark.json":
		if _, there := s.known[strings.TrimSuffix(key, "mark.json")+"case.json"]; !there {
			s.report(s.own+key, "the case that it marks is missing")
		}
	}
	return s.judge(key, err)
}

// judge reports what is wrong with the data, and returns other errors. That a record is newer is said of that record alone.
func (s *inspectedSkill) judge(key string, err error) error {
	if errors.Is(err, record.ErrNewer) {
		return nil
	}
	for _, wrong := range []error{skillstore.ErrCorrupt, skillstore.ErrUnknownSkill, skillstore.ErrUnknownVersion, skillstore.ErrUnknownCase, skill.ErrInvalidName} {
		if errors.Is(err, wrong) {
			s.report(s.own+key, "%s", err)
			return nil
		}
	}
	return err
}

func (s *inspectedSkill) checkHead(ctx context.Context, key, name string) error {
	h, err := s.library.Head(ctx, name)
	if err != nil {
		return s.judge(key, err)
	}
	m, err := s.library.Version(ctx, name, h.Version)
	if err == nil && m.Digest != h.VersionDigest {
		s.report(s.own+key, "version %d has the digest %.12s, the head says %.12s", h.Version, m.Digest, h.VersionDigest)
	}
	if errors.Is(err, skillstore.ErrUnknownVersion) {
		s.report(s.own+key, "it points at version %d, whose manifest %sversions/%04d/manifest.json is missing", h.Version, s.own+skillsRoot+name+"/", h.Version)
		return nil
	}
	return s.judge(key, err)
}

func (s *inspectedSkill) checkGate(ctx context.Context, key, name string, body []byte) error {
	var r skill.GateReport
	if err := json.Unmarshal(body, &r); err != nil {
		s.report(s.own+key, "%s", err)
		return nil
	}
	m, err := s.library.Version(ctx, name, r.Candidate.Version)
	if err == nil && m.Digest != r.Candidate.Digest {
		s.report(s.own+key, "it is about a version %d with the digest %.12s, which has %.12s", r.Candidate.Version, r.Candidate.Digest, m.Digest)
	}
	return s.judge(key, err)
}

// number reads the number of a version; what is none is 0, which no version has.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// checkUses checks that each use is where it belongs and that its version is there. The summary is made from them.
func (c *inspector) checkUses(ctx context.Context, f folder) error {
	known := c.sawAll(f)
	versions := map[int]error{}
	name := segment(f.prefix, 1)
	s := &inspectedSkill{c, c.libraries.Live(), "", known}
	return c.readEach(ctx, f.objects, func(o objectstore.Info, body []byte) error {
		if !strings.HasPrefix(o.Key, f.prefix+"records/") {
			return nil
		}
		ok, err := c.checkRecord(ctx, o, body, known)
		if err != nil || !ok {
			return err
		}
		var u skill.Use
		if err := json.Unmarshal(body, &u); err != nil || u.Name != name || o.Key != f.prefix+"records/"+u.ContentID()+".json" {
			c.report(o.Key, "the use does not match its ID")
			return nil
		}
		if _, asked := versions[u.Version]; !asked {
			_, versions[u.Version] = s.library.Version(ctx, u.Name, u.Version)
		}
		return s.judge(o.Key, versions[u.Version])
	})
}

// checkEvaluations checks the records of evaluations, and in the libraries of their arms the skills that were written to
// there: the others are those of a snapshot.
func (c *inspector) checkEvaluations(ctx context.Context) error {
	return walkFolders(ctx, c.bucket, evaluationsRoot, depthOfEvaluations, func(f folder) error {
		c.Progress("evaluation %s", segment(f.prefix, 1))
		known := c.sawAll(f)
		libraries := map[string]map[string]bool{} // skills that were written to, by library
		var records []objectstore.Info
		for _, o := range f.objects {
			library, file := inLibrary(o.Key)
			switch {
			case library == "" || !strings.HasPrefix(file, skillsRoot) && !strings.HasPrefix(file, "catalog/"):
				records = append(records, o)
			case strings.HasPrefix(file, skillsRoot):
				if libraries[library] == nil {
					libraries[library] = map[string]bool{}
				}
				libraries[library][segment(file, 1)] = true
			}
		}
		err := c.readEach(ctx, records, func(o objectstore.Info, body []byte) error {
			if len(body) == 0 && strings.Contains(o.Key, "/openfailures/") {
				return nil // it was withdrawn
			}
			_, err := c.checkRecord(ctx, o, body, known)
			return err
		})
		if err != nil {
			return err
		}
		for _, library := range slices.Sorted(maps.Keys(libraries)) {
			if err := c.checkFork(ctx, library, libraries[library]); err != nil {
				return err
			}
		}
		return nil
	})
}

// inLibrary splits evaluations/<id>/libraries/<arm>/objects/<key>.
func inLibrary(key string) (library, file string) {
	parts := strings.SplitN(key, "/", 6)
	if len(parts) < 6 || parts[2] != "libraries" || parts[4] != "objects" {
		return "", ""
	}
	return strings.Join(parts[:4], "/"), parts[5]
}

func (c *inspector) checkFork(ctx context.Context, name string, skills map[string]bool) error {
	c.sum.Libraries++
	library, err := c.libraries.Open(ctx, name)
	objects, err2 := c.libraries.Objects(ctx, name)
	if err := errors.Join(err, err2); err != nil {
		if errors.Is(err, objectstore.ErrUnavailable) || ctx.Err() != nil {
			return err
		}
		c.report(name+"/library.json", "it cannot be opened: %s", err)
		return nil
	}
	for _, skillName := range slices.Sorted(maps.Keys(skills)) {
		prefix := skillsRoot + skillName + "/"
		listed, err := objects.List(ctx, prefix, "", 0)
		if err != nil {
			return err
		}
		if err := c.checkSkill(ctx, objects, library, name+"/objects/", folder{prefix, listed}); err != nil {
			return err
		}
	}
	return nil
}

// checkSnapshots looks for everything that snapshots froze, when all else was seen.
func (c *inspector) checkSnapshots(ctx context.Context) error {
	blobs, err := objectstore.NewBlobs(c.bucket, "", 0)
	if err != nil {
		return err
	}
	return walkFolders(ctx, c.bucket, snapshotsRoot, 1, func(f folder) error {
		return c.readEach(ctx, f.objects, func(o objectstore.Info, body []byte) error {
			ok, err := c.checkRecord(ctx, o, body, nil)
			var s skillstore.Snapshot
			if err != nil || !ok || json.Unmarshal(body, &s) != nil {
				return err
			}
			index, err := blobs.Get(ctx, s.Index)
			if err != nil {
				return lostIsNoError(err) // that it is missing, or spoilt, was said before
			}
			return c.checkIndex(ctx, o.Key, index)
		})
	})
}

func lostIsNoError(err error) error {
	if errors.Is(err, objectstore.ErrNotFound) || errors.Is(err, objectstore.ErrCorrupt) {
		return nil
	}
	return err
}

func (c *inspector) checkIndex(ctx context.Context, key string, index []byte) error {
	frozen, err := objectstore.ParseFrozen(index)
	if err != nil {
		c.report(key, "index: %s", err)
		return nil
	}
	for o := range frozen.All() {
		if c.hasSeen(o.At) {
			continue
		}
		there, what, err := c.resolves(ctx, toKey("index", o.At), nil)
		if err != nil {
			return err
		}
		if !there {
			c.report(key, "%s, which it froze as %s, is missing", what, o.Key)
		}
	}
	return nil
}
