// Package export makes standalone artifacts of saved skills: things that run where this project is not installed, and say
// where they come from.
//
// A Skill holds everything that an artifact is made of: one version with its code, its document, the lock of its packages
// and its cases. Each of the Formats turns one or several of them into a Tree, the files of an artifact by path, and the
// bytes of one file to ship: a zip, a wheel, a script or a text. Equal skills give equal bytes: nothing in an artifact
// depends on the time, the machine or the order of a map. What may differ from one day to the next is what the library
// knows of a version: further cases, and the gate that it passed.
//
// Whatever the format, a skill runs as the same program: a launcher NAME.py, its code in skill/ as it was saved, and in
// runtime/ the modules of package standalone. Each artifact has a Provenance and the digest of every file, which Verify
// compares; with them a version can be made again that has the same digest.
//
// It knows the skill library and reads from it; it runs nothing. What an artifact says when it is run is found out by
// internal/export/proof. It may import packages of this module that know nothing of workflows.
package export
