package skillstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"agentfactory/internal/objectstore"
	"agentfactory/internal/skill"
)

// Version implements Store.
func (s *S3) Version(ctx context.Context, name string, version int) (skill.Manifest, error) {
	if err := checkName(name); err != nil {
		return skill.Manifest{}, err
	}
	if version < 1 {
		return skill.Manifest{}, fmt.Errorf("%w %d of %s: versions count from 1", ErrUnknownVersion, version, name)
	}
	m, err := s.readVersion(ctx, name, version)
	if err != nil {
		return skill.Manifest{}, fmt.Errorf("read version: %w", missing(err, ErrUnknownVersion, "%d of %s", version, name))
	}
	return m, nil
}

// readVersion reads a manifest and checks that it is the one that was written for this place.
func (s *S3) readVersion(ctx context.Context, name string, version int) (skill.Manifest, error) {
	key := versionKey(name, version)
	obj, err := s.objects.GetImmutable(ctx, key)
	if err != nil {
		return skill.Manifest{}, err
	}
	var m skill.Manifest
	if err := decode(key, obj.Body, &m); err != nil {
		return skill.Manifest{}, err
	}
	if m.Name != name || m.Version != version || m.Digest != m.ContentDigest() {
		return skill.Manifest{}, fmt.Errorf("%s: %w: the manifest does not match its digest %.12s", key, ErrCorrupt, m.Digest)
	}
	return m, nil
}

// Versions implements Store.
func (s *S3) Versions(ctx context.Context, name string) ([]skill.Manifest, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	versions, err := s.listVersions(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("list versions of %s: %w", name, err)
	}
	if len(versions) == 0 {
		return nil, fmt.Errorf("list versions: %w %s", ErrUnknownSkill, name)
	}
	return versions, nil
}

func (s *S3) listVersions(ctx context.Context, name string) ([]skill.Manifest, error) {
	folders, err := s.objects.Folders(ctx, versionsPrefix(name))
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, f := range folders {
		n, err := strconv.Atoi(f)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%s%s: %w: it is no version number", versionsPrefix(name), f, ErrCorrupt)
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	return each(ctx, numbers, func(ctx context.Context, n int) (skill.Manifest, error) {
		return s.readVersion(ctx, name, n)
	})
}

// File implements Store.
func (s *S3) File(ctx context.Context, name string, version int, path string) ([]byte, error) {
	m, err := s.Version(ctx, name, version)
	if err != nil {
		return nil, err
	}
	f, ok := m.File(path)
	if !ok {
		return nil, fmt.Errorf("%w %.200q in version %d of %s", ErrUnknownFile, path, version, name)
	}
	data, err := s.blobs.Get(ctx, objectstore.Digest(f.Digest))
	if err != nil {
		return nil, fmt.Errorf("read %s of %s version %d: %w", path, name, version, missing(err, ErrCorrupt, "the blob %s is missing", f.Digest))
	}
	return data, nil
}

// AddVersion implements Store. The files are stored first, so that a version that exists is whole.
func (s *S3) AddVersion(ctx context.Context, d Draft) (skill.Manifest, error) {
	p, err := prepare(d)
	if err != nil {
		return skill.Manifest{}, err
	}
	existing, err := s.listVersions(ctx, d.Name)
	if err != nil {
		return skill.Manifest{}, fmt.Errorf("add version of %s: %w", d.Name, err)
	}
	for _, m := range existing {
		if m.Digest == p.manifest.Digest {
			return m, nil
		}
	}
	if err := s.storeFiles(ctx, p.files); err != nil {
		return skill.Manifest{}, fmt.Errorf("add version of %s: %w", d.Name, err)
	}
	next := 1
	if len(existing) > 0 {
		next = existing[len(existing)-1].Version + 1
	}
	m, err := s.createVersion(ctx, p.manifest, next)
	if err != nil {
		return skill.Manifest{}, fmt.Errorf("add version of %s: %w", d.Name, err)
	}
	return m, nil
}

func (s *S3) storeFiles(ctx context.Context, files map[string][]byte) error {
	_, err := each(ctx, slices.Sorted(maps.Keys(files)), func(ctx context.Context, path string) (objectstore.Digest, error) {
		return s.blobs.Put(ctx, files[path])
	})
	return err
}

// createVersion takes the first free number from next on. Writers of the same content meet at the same number, because
// nobody passes over one without reading it.
func (s *S3) createVersion(ctx context.Context, m skill.Manifest, next int) (skill.Manifest, error) {
	m.CreatedAt = s.now()
	for m.Version = next; ; m.Version++ {
		_, err := s.objects.Create(ctx, versionKey(m.Name, m.Version), encode(m))
		if !errors.Is(err, objectstore.ErrExists) {
			return m, err
		}
		other, err := s.readVersion(ctx, m.Name, m.Version)
		if err != nil {
			return skill.Manifest{}, err
		}
		if other.Digest == m.Digest {
			return other, nil
		}
	}
}
