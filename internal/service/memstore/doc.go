// Package memstore keeps the data of the service in memory: for tests, and for what need
// not outlive the process. Make a store with New. It passes package storetest but for
// what is about durability.
package memstore
