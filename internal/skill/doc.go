// Package skill holds the words of the skill library as Go types: names, versions, heads, cases, and the SKILL.md
// document of the Agent Skills standard (https://agentskills.io/specification).
//
// It reads and writes nothing but the bytes it is given, and imports no other package of this module.
package skill
