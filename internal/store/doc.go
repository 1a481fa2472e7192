// Package store holds the SQL of the service's store: one text for SQLite and
// PostgreSQL, run through the small Querier that each of the packages sqlite and postgres
// implements. Open a store with one of these; this package is what they share.
//
// The subset that both engines understand: $1 placeholders, TEXT and BIGINT columns (times
// as microseconds, JSON as text, binary as base64), ON CONFLICT, RETURNING, row values in
// keyset pages, and no functions of the engine. Text is compared by its bytes, for which
// PostgreSQL's columns are made with COLLATE "C". A lock on a row is taken by updating it.
//
// Migrations are numbered files run by a runner of this package: goose, which was the
// other choice, would add a module and its own command language for sixty lines of code.
package store
