// Package sqlite keeps the data of the service in one SQLite file, with the pure-Go
// driver modernc.org/sqlite: the store of a single machine. Open opens it and brings its
// tables up to date.
//
// Updates are grouped: those that wait while one is committed run after it one by one in a
// single transaction, each within a savepoint, and are committed by one write to the disk.
// One that fails takes back only itself. What Update returned nil for is on the disk (WAL,
// synchronous FULL).
//
// What is deleted is written over, and soon after Scrub it is in the -wal file no more.
//
// Several processes may open the file, such as a command beside the server; one of them at
// a time does jobs. The file must be on a local disk: WAL does not work over a network.
package sqlite
