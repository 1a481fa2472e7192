package pdf

// Limits bound what a hostile file can cost. A zero field means its default.
type Limits struct {
	// Revisions is the largest number of cross-reference sections followed
	// (default 1024; archives renewed yearly hold a few dozen).
	Revisions int
	// Entries is the largest number of cross-reference entries over all
	// revisions (default 2 Mi; an entry costs 24 bytes of memory, 36 in
	// files of many revisions).
	Entries int
	// Depth is the deepest nesting of arrays and dictionaries (default 64;
	// real files stay below 20).
	Depth int
	// Nodes is the largest number of values within one indirect object
	// (default 512 Ki; a value costs about 40 bytes of memory).
	Nodes int
	// ObjectBytes is the longest single indirect object, stream data apart, and the
	// largest decoded size of an object stream (default 16 MiB; a signature's
	// hexadecimal /Contents is the longest object in practice).
	ObjectBytes int64
	// StreamBytes is the largest decoded size of one cross-reference stream, and of
	// what Stream.Open and Stream.Decode give when called without an own limit
	// (default 64 MiB).
	StreamBytes int64
	// InflateBytes is the total of bytes decoded to reach objects (object and
	// cross-reference streams) over the life of a Document (default 1 GiB),
	// which bounds time: objects scattered over object streams cause repeated decoding.
	InflateBytes int64
	// TrailingBytes is how far from the end of the file the last startxref may
	// lie (default 64 KiB).
	TrailingBytes int64
	// TreeNodes is the largest number of nodes in a page tree or field tree
	// (default 256 Ki).
	TreeNodes int
	// CacheBytes is roughly how much memory parsed objects, decoded object
	// streams and file blocks may hold between calls (default 8 MiB).
	CacheBytes int64
}

// maxObjectNumber is ISO 32000-2 table C.1: the largest number of indirect objects.
const maxObjectNumber = 8388607

// Bounds that are not worth configuring.
const (
	maxNameBytes   = 4096 // ISO 32000 suggests 127; real files hold longer ones
	maxNumberBytes = 64   // digits of one number token
	maxRefChain    = 32   // an indirect object that is itself a reference, and so on
	maxFilters     = 8    // filters on one stream
	maxResolving   = 8    // a stream length in an object stream whose length is in …
	maxXrefDigits  = 10   // digits of an offset in a table
	maxTableOffset = 9999999999
)

func orDefault[T int | int64](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

func (l Limits) withDefaults() Limits {
	orDefault(&l.Revisions, 1024)
	orDefault(&l.Entries, 2<<20)
	orDefault(&l.Depth, 64)
	orDefault(&l.Nodes, 512<<10)
	orDefault(&l.ObjectBytes, 16<<20)
	orDefault(&l.StreamBytes, 64<<20)
	orDefault(&l.InflateBytes, 1<<30)
	orDefault(&l.TrailingBytes, 64<<10)
	orDefault(&l.TreeNodes, 256<<10)
	orDefault(&l.CacheBytes, 8<<20)
	return l
}
