// Package service holds the use cases of the engine as a service for many
// institutions: issue, revoke, verify, and what belongs to them. It knows neither HTTP
// nor SQL: a Store keeps its data, a Blobs its files, and the packages above call one
// method for each request.
//
// Make a Service with New. Every method takes a Caller, which says for whose data and
// with what permissions it is called; whatever belongs to others is ErrNotFound to it.
package service
