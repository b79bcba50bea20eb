// Package chaos breaks a production set-up while runs go on in it, and looks whether the promises of docs/durability.md hold:
// its tests kill and restart every part in turn, cut, slow and half-open the connections between them, and fill disks. Nothing
// imports it; its tests may import everything.
package chaos
