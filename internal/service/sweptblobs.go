package service

import (
	"context"
	"time"
)

// BlobFile is a file as a listing names it.
type BlobFile struct {
	// Name is the digest of a file in its place. One that was set aside has a name of its
	// own, which is the driver's business.
	Name   string
	Digest string
	// At is when it was stored last, or set aside, by the clock of the storage.
	At time.Time
}

// SweptBlobs are Blobs in which files can be found that nobody knows of any more: Service.Sweep
// looks for them.
//
// A file leaves in two steps, because whoever stores one refers to it in the database only
// afterwards, and may store what is there already. SetAside takes it from its place, where
// Get, Has and Delete still find it; much later, when each such reference is written down or
// never will be, it is put back or dropped. So neither needs a lock that is held by those who store.
type SweptBlobs interface {
	Blobs
	// Now is the time of the storage's own clock, by which files are dated.
	Now(ctx context.Context) (time.Time, error)
	// List names files in their places, in the order of names, after the one given: so many
	// that n names have been looked at, at most 1000, of which some may be no files. next is
	// what to go on after, "" at the end. What is stored or removed meanwhile may be in it or
	// not.
	List(ctx context.Context, after string, n int) (files []BlobFile, next string, err error)
	// SetAside takes a file from its place unless it was stored at before, or later; that
	// there is none is no error. now is what the file is dated by from then on.
	SetAside(ctx context.Context, digest string, before, now time.Time) (done bool, err error)
	// Aside is List of files that were set aside.
	Aside(ctx context.Context, after string, n int) (files []BlobFile, next string, err error)
	// PutBack puts a file that was set aside in its place, by its Name. That there is none
	// is no error.
	PutBack(ctx context.Context, name string) error
	// Drop removes a file that was set aside, by its Name.
	Drop(ctx context.Context, name string) error
	// Keeper returns the text last given to SetKeeper, "" where there is none. It is beside
	// the files, and tells databases apart that use the same ones.
	Keeper(ctx context.Context) (string, error)
	// SetKeeper keeps a text of at most 100 bytes.
	SetKeeper(ctx context.Context, text string) error
}
