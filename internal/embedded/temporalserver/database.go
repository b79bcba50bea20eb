package temporalserver

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"go.temporal.io/server/common/config"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"
)

// createDatabase writes the schema and the namespace to another file first and renames
// it when it is whole, so that a process killed in between leaves nothing that looks
// like a database. Whoever calls it holds the data directory's lock.
func createDatabase(path string, o Options) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	unfinished := path + ".new"
	for _, left := range []string{unfinished, unfinished + "-journal"} {
		if err := os.Remove(left); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what an interrupted start left: %w", err)
		}
	}
	if err := fillDatabase(unfinished, o); err != nil {
		return err
	}
	if err := os.Rename(unfinished, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func fillDatabase(path string, o Options) error {
	// One file without a log beside it can be renamed; nothing of it counts before that,
	// so nothing has to reach the disk in order.
	conf := sqlConfig(path, map[string]string{"journal_mode": "delete", "synchronous": "0"})
	if err := sqlite.SetupSchema(conf); err != nil {
		return fmt.Errorf("set up the schema: %w", err)
	}
	namespace, err := sqlite.NewNamespaceConfig(clusterName, Namespace, false, o.SearchAttributes)
	if err != nil {
		return err
	}
	namespace.Detail.Config.Retention = durationpb.New(o.Retention)
	if err := sqlite.CreateNamespaces(conf, namespace); err != nil {
		return err
	}
	return syncFile(path)
}

// liveConfig opens the database with a write-ahead log that is not synced at each
// commit: kill -9 loses nothing, a power cut at most the last moments, and a commit
// takes well under a millisecond.
func liveConfig(path string) *config.SQL {
	return sqlConfig(path, map[string]string{"journal_mode": "wal", "synchronous": "1"})
}

func sqlConfig(path string, pragmas map[string]string) *config.SQL {
	attributes := map[string]string{"mode": "rwc"}
	for name, value := range pragmas {
		attributes[name] = value
	}
	return &config.SQL{
		PluginName:        sqliteplugin.PluginName,
		ConnectAttributes: attributes,
		DatabaseName:      (&url.URL{Path: path}).EscapedPath(), // becomes part of a file: URI
	}
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
