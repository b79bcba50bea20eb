package temporalserver

import (
	"cmp"
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

// ErrOtherSchema means that the database was made by a version of the Temporal server
// whose tables differ. Temporal migrates no SQLite files.
var ErrOtherSchema = errors.New("the Temporal database was made by another version of agentfactory")

// schema names the tables of the server that is linked in.
const schema = sqlite.Version + "/" + sqlite.VisibilityVersion

// prepareDatabase makes a database where there is none and refuses one that this
// server cannot read. Whoever calls it holds the data directory's lock.
func prepareDatabase(path string, o Options) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return createDatabase(path, o)
	} else if err != nil {
		return err
	}
	made, err := os.ReadFile(schemaFile(path))
	if err != nil {
		return fmt.Errorf("read which schema it has: %w", err)
	}
	if string(made) != schema {
		return fmt.Errorf("%w (schema %s, this one needs %s): finish open runs with that version, then move %s away", ErrOtherSchema, made, schema, filepath.Dir(path))
	}
	return nil
}

func schemaFile(database string) string { return database + ".schema" }

// createDatabase writes the schema and the namespace to another file first and renames
// it when it is whole, so that a process killed in between leaves nothing that looks
// like a database.
func createDatabase(path string, o Options) error {
	unfinished := path + ".new"
	for _, left := range []string{unfinished, unfinished + "-journal"} {
		if err := os.Remove(left); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what an interrupted start left: %w", err)
		}
	}
	if err := fillDatabase(unfinished, o); err != nil {
		return err
	}
	if err := os.WriteFile(schemaFile(path), []byte(schema), 0o600); err != nil {
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
// takes well under a millisecond. It keeps to one connection: SQLite has one writer,
// and the readers of a single shard gain nothing from more.
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
	return cmp.Or(f.Sync(), f.Close())
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return cmp.Or(d.Sync(), d.Close())
}
