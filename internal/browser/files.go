package browser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/playwright-community/playwright-go"
)

// files is the workspace of a run as the browser may use it. What runs in the sandbox may change it at any moment, so
// every access goes through os.Root, which no link leads out of.
type files struct {
	root    *os.Root
	staging string // copies of uploads: the browser opens files by itself
}

const (
	maxUpload = 200 << 20 // bytes of one file
	maxSaved  = 512 << 20 // bytes of one download
)

// ErrBadFile: a file cannot be used, or a path not be written to.
var ErrBadFile = errors.New("bad file")

func badFile(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrBadFile, fmt.Errorf(format, args...))
}

func openFiles(workspace, stateDir string) (*files, error) {
	root, err := os.OpenRoot(workspace)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		root.Close()
		return nil, err
	}
	staging, err := os.MkdirTemp(stateDir, fmt.Sprintf("%s%d-upload-*", startPrefix, os.Getpid())) // removed like a start's
	if err != nil {
		root.Close()
		return nil, err
	}
	return &files{root, staging}, nil
}

func (f *files) close() {
	_ = f.root.Close()          // nothing is written through it any more
	_ = os.RemoveAll(f.staging) // else the next start does it
}

// write stores a new file. With free, a number is added to the name until it is one that is not taken; otherwise a file
// of that name is replaced.
func (f *files) write(name string, free bool, content io.Reader) (File, error) {
	name, err := cleanName(name)
	if err != nil {
		return File{}, err
	}
	if err := f.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return File{}, badFile("make the folder of %s: %w", name, err)
	}
	w, name, err := f.create(name, free)
	if err != nil {
		return File{}, badFile("write %s: %w", name, err)
	}
	n, err := io.Copy(w, io.LimitReader(content, maxSaved+1))
	if err = errors.Join(err, w.Close()); err == nil && n > maxSaved {
		err = fmt.Errorf("it has more than %d bytes", maxSaved)
	}
	if err != nil {
		_ = f.root.Remove(name) // half a file is worse than none
		return File{}, badFile("write %s: %w", name, err)
	}
	return File{Path: name, Bytes: n}, nil
}

// create never opens what is there already: it might be a link or a pipe.
func (f *files) create(name string, free bool) (*os.File, string, error) {
	const flags = os.O_CREATE | os.O_EXCL | os.O_WRONLY
	if !free {
		if err := f.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, name, err
		}
		w, err := f.root.OpenFile(name, flags, 0o644)
		return w, name, err
	}
	ext := path.Ext(name)
	for i := 1; i <= 1000; i++ {
		candidate := name
		if i > 1 {
			candidate = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, ext), i, ext)
		}
		w, err := f.root.OpenFile(candidate, flags, 0o644)
		if !errors.Is(err, fs.ErrExist) {
			return w, candidate, err
		}
	}
	return nil, name, errors.New("there are too many files of that name")
}

// stage copies a regular file of the workspace to where the browser may read it, and returns that place.
func (f *files) stage(name string) (string, error) {
	clean, err := cleanName(name)
	if err != nil {
		return "", err
	}
	named, err := f.root.Lstat(clean)
	if err != nil {
		return "", badFile("%.100q cannot be uploaded: %w", name, err)
	}
	r, err := f.root.OpenFile(clean, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would be waited for
	if err != nil {
		return "", badFile("%.100q cannot be uploaded: %w", name, err)
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return "", badFile("%.100q cannot be uploaded: %w", name, err)
	}
	if !info.Mode().IsRegular() || !os.SameFile(named, info) || info.Size() > maxUpload { // a link is another file
		return "", badFile("%.100q cannot be uploaded: it is no regular file of at most %d bytes", name, maxUpload)
	}
	dir, err := os.MkdirTemp(f.staging, "")
	if err != nil {
		return "", err
	}
	staged := filepath.Join(dir, path.Base(clean))
	return staged, writeFile(staged, io.LimitReader(r, maxUpload))
}

// cleanName is a path in the workspace, relative to it.
func cleanName(name string) (string, error) {
	name = strings.TrimPrefix(name, "./")
	if name == "" || len(name) > 1000 || strings.HasSuffix(name, "/") || strings.ContainsFunc(name, unicode.IsControl) || !filepath.IsLocal(name) {
		return "", badFile("%.100q is no path in the workspace; give one such as \"downloads/report.pdf\"", name)
	}
	return path.Clean(name), nil
}

// upload puts files into a file input, or into the dialog that a button opens.
func (s *session) upload(at playwright.Locator, a Action) error {
	var staged []string
	for _, name := range a.Paths {
		place, err := s.tool.files.stage(name)
		if err != nil {
			return err
		}
		staged = append(staged, place)
	}
	timeout := a.timeout(actionTime)
	isInput, err := at.Evaluate(`e => e.matches("input[type=file]") || e.control?.type === "file"`, nil, playwright.LocatorEvaluateOptions{Timeout: timeout})
	if err != nil {
		return err
	}
	if isInput == true {
		return at.SetInputFiles(staged, playwright.LocatorSetInputFilesOptions{Timeout: timeout})
	}
	chooser, err := s.page.ExpectFileChooser(func() error {
		return at.Click(playwright.LocatorClickOptions{Timeout: timeout})
	}, playwright.PageExpectFileChooserOptions{Timeout: timeout})
	if err != nil {
		return err
	}
	return chooser.SetFiles(staged)
}

// download waits for the file that a click or a URL brings.
func (s *session) download(ctx context.Context, a Action, r *Result) error {
	s.collect() // what came before is not the one
	if err := s.begin(a); err != nil {
		return err
	}
	limit := time.Duration(*a.timeout(navigationTime)) * time.Millisecond
	d, ok := waitFor(ctx.Done(), s.events.downloads, limit)
	if !ok {
		return fmt.Errorf("%w: no download began within %v; the page may show the file instead", playwright.ErrTimeout, limit)
	}
	f, err := s.save(d, a.Path)
	if err == nil {
		r.File = &f
	}
	return err
}

// begin starts a download. Going to the URL of one is an error for the browser, as no page comes of it.
func (s *session) begin(a Action) error {
	if a.URL != "" {
		err := s.navigate(a, &Result{})
		if err != nil && strings.Contains(err.Error(), "Download is starting") {
			return nil
		}
		return err
	}
	at, err := s.locate(a.Target)
	if err != nil {
		return err
	}
	return at.Click(playwright.LocatorClickOptions{Timeout: a.timeout(actionTime)})
}

// save moves a download into the workspace when it is complete. A path that was not chosen is that which the site
// suggests, in downloads/.
func (s *session) save(d playwright.Download, chosen string) (File, error) {
	defer func() { _ = d.Delete() }() // else it is deleted with the context
	place, err := d.Path()
	if err != nil {
		return File{}, fmt.Errorf("download %.100s: %w", d.URL(), brief(err))
	}
	content, err := os.Open(place)
	if err != nil {
		return File{}, fmt.Errorf("download %.100s: %w", d.URL(), err)
	}
	defer content.Close()
	name := chosen
	if name == "" {
		name = "downloads/" + suggested(d.SuggestedFilename())
	}
	return s.tool.files.write(name, chosen == "", content)
}

// suggested makes a site's name for a file one that cannot lead anywhere.
func suggested(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || unicode.IsControl(r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	name = strings.TrimLeft(name, ".")
	if len(name) > 150 {
		ext := path.Ext(name)
		if len(ext) > 20 {
			ext = ""
		}
		name = strings.ToValidUTF8(name[:120], "") + ext
	}
	if name == "" {
		return "file"
	}
	return name
}
