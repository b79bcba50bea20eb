// Package shellcheck tells what a shell command would do before it runs: whether it deletes or overwrites files outside
// its workspace, kills processes, changes permissions, runs downloads, touches shell histories and keys, writes to devices
// or multiplies without end. It judges by effect, not by looks: the command is parsed by a shell parser and followed the
// way a shell would run it, as far as values are known, through quoting, variables, substitutions, functions, aliases,
// loops, here-documents, wrappers such as sudo and xargs, and shells within shells. Nothing is executed and no file is read.
//
// What it says is advice. A command can always hide its intent from a reader (a program that it compiles, a file that was
// there before); the sandbox is the boundary.
//
// # What is ordinary
//
// Inside the workspace a command may delete and overwrite what it names, but not everything at once (`rm -rf .`, `*`, or the
// workspace by its path). The same holds for temporary files that have a name (/tmp/x). Reading is ordinary anywhere, except
// of histories and keys. A value that is not known before the run, such as a variable from outside, is reported where it
// decides what is deleted, overwritten, killed or run by a shell. A name that only contains such a value (`out/$x`, `$x.csv`) is
// taken for the file that it looks like.
//
// It imports mvdan.cc/sh and nothing else of this project.
package shellcheck
