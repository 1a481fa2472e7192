// Package httpapi is the service over HTTP: the product plane under /v1, what anybody may
// read (verdicts, status lists, DID documents, schemas, public files), the OpenAPI
// document and its reference page, and health and metrics. Pages and the W3C plane are
// handlers of other packages that it mounts.
//
// Make a handler with New and serve it with Server. Every operation is one call into
// package service: here is only what belongs to HTTP. An operation is written down once
// (type operation), and its route, its checks and its place in the OpenAPI document all
// come from that.
//
// Bodies are read by package strictjson and then decoded once; huma keeps the routes, the
// schemas and the document. No answer holds a submitted value, but for resources that
// were stored; no log line holds a path, a query or an address.
package httpapi
