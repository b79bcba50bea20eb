// Package export makes standalone artifacts of saved skills: things that run where this project is not installed, and say
// where they come from.
//
// A Skill holds everything that an artifact is made of: one version with its code, its document, the lock of its packages
// and its cases. Each format turns one or several of them into a Tree, the files of an artifact by path, of which Zip
// makes an archive. Equal skills give equal bytes: nothing in a Tree depends on the time, the machine or the order of a map.
//
// It knows the skill library and reads from it; it runs nothing. What an artifact says when it is run is found out by
// internal/export/proof.
package export
