// Package schedule is the pure half of Temporal Schedules as the command line offers them: when a schedule fires,
// checked before anything is created; what happens when two of its runs would overlap; and both in words.
//
// The times are reckoned by the server's own compiler of specifications, so that what is accepted here is what the
// server does, and what is shown is when it fires. It imports that compiler and Temporal's API types, opens no
// connection, and is linked into the command line alone: the worker has nothing to do with schedules.
package schedule
