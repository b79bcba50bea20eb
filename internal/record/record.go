// Package record is the JSON form of everything that is kept for long: an object with the number of its format beside its
// fields, so that a program knows whether it understands what another one wrote.
//
// Fields are added without a new format: who does not know them leaves them out. The format rises when a field changes its
// meaning or goes away; then the step from the format before is added to the upgrades, and old records are read through
// them for ever. Records are never rewritten for it: most of them are immutable.
//
// The package imports nothing of this module.
package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// The errors of reading a record, for errors.Is.
var (
	// ErrNewer: a later version of this program wrote the record.
	ErrNewer = errors.New("written by a newer program")
	// ErrMalformed: the bytes are no record.
	ErrMalformed = errors.New("no valid record")
)

// Fields are a record before it is decoded.
type Fields map[string]json.RawMessage

// Upgrade changes the fields of a record of one format into those of the next. It must not fail for any record that was
// ever written: what it does not find it leaves alone.
type Upgrade func(Fields) error

// Format writes records of one format and reads them of this one and all before.
type Format struct {
	upgrades []Upgrade // from format 1 on
}

// NewFormat returns the format that the upgrades lead to: without any it is 1, with one 2.
func NewFormat(upgrades ...Upgrade) Format { return Format{upgrades: upgrades} }

// Current is the format that Encode writes.
func (f Format) Current() int { return len(f.upgrades) + 1 }

// One is the format of all records that were never changed.
var One = NewFormat()

// field is where the format stands. A record without it is older than this package, and of format 1.
const field = "format"

// Encode returns v, a struct or a map whose JSON form is an object without a field "format", with the format before its
// fields.
func (f Format) Encode(v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(body) < 2 || body[0] != '{' {
		return nil, fmt.Errorf("encode %T: %w: its JSON form is no object", v, ErrMalformed)
	}
	head := fmt.Sprintf(`{%q:%d`, field, f.Current())
	if body[1] != '}' {
		head += ","
	}
	return append([]byte(head), body[1:]...), nil
}

// Decode reads one record, upgraded to the current format, into v. Fields that v does not know are left out. ErrNewer,
// ErrMalformed.
func (f Format) Decode(body []byte, v any) error {
	format, err := Of(body)
	if err != nil {
		return err
	}
	switch current := f.Current(); {
	case format > current:
		return fmt.Errorf("%w: it is of format %d, this program reads up to %d; upgrade this program", ErrNewer, format, current)
	case format < current:
		if body, err = f.upgrade(body, format); err != nil {
			return err
		}
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return nil
}

// Of is the format of a record. ErrMalformed.
func Of(body []byte) (int, error) {
	var r struct {
		Format *int `json:"format"`
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	switch {
	case r.Format == nil:
		return 1, nil
	case *r.Format < 1:
		return 0, fmt.Errorf("%w: its format is %d; formats count from 1", ErrMalformed, *r.Format)
	}
	return *r.Format, nil
}

func (f Format) upgrade(body []byte, from int) ([]byte, error) {
	var fields Fields
	if err := json.Unmarshal(bytes.TrimSpace(body), &fields); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	for n, upgrade := range f.upgrades[from-1:] {
		if err := upgrade(fields); err != nil {
			return nil, fmt.Errorf("%w: upgrade from format %d: %w", ErrMalformed, from+n, err)
		}
	}
	delete(fields, field)
	return json.Marshal(fields)
}
