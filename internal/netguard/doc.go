// Package netguard keeps outgoing connections away from addresses that are not of the public internet: loopback,
// private and link-local networks, cloud metadata services, and whatever an IPv6 transition mechanism would turn into
// one of them.
//
// The check is made on the address that is really dialled, after the name was resolved, for every connection, and so
// for every redirect: there is no time between a look-up that is checked and another one that is used (DNS rebinding),
// and it does not matter how an address was written (2130706433, 0x7f.1, ::ffff:127.0.0.1).
//
// It imports nothing of this project.
package netguard
