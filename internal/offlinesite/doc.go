// Package offlinesite is a small web on board: a shop and a library with navigation, a search form, result pages, tables,
// pages that a script fills in, and a download. The tasks of the offline batches use it, so that methods can be measured
// without network. Its hosts are below offline.test, a name that no resolver knows (RFC 6761, section 6.2); [Dialer]
// connects to them within the process, for the tool skills and for plain HTTP libraries of subagents alike.
//
//	http://shop.offline.test/     articles, warehouses, configurators, /downloads/price-list.csv
//	http://library.offline.test/  books, branches
//
// Answers depend on the request alone: there is no clock, no cookie and no randomness, and nothing can be changed.
//
// It imports nothing of this project.
package offlinesite
