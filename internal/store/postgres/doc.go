// Package postgres keeps the data of the service in PostgreSQL 15 or newer, through pgx:
// the store for several processes. Open connects and brings the tables up to date.
//
// Transactions are READ COMMITTED. What the contract asks beyond that rests on compared
// versions, unique keys and rows locked by updating them; a deadlock is run again. Round
// trips are what an Update costs, so that BEGIN goes with the first statement, and
// statements whose answer nobody waits for go with the next one or with COMMIT.
//
// A connection pooler must be in session mode, since statements are prepared.
package postgres
