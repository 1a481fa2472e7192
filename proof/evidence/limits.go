package evidence

import (
	"github.com/chancery-dev/chancery/proof/beacon"
	"github.com/chancery-dev/chancery/proof/ethereum"
)

// Limits on what is read. A bundle of one item among a million is about 3 KB, with a
// finality pack of one period 30 KB.
const (
	MaxBytes   = 24 << 20 // a bundle or pack file; packs from a checkpoint of years ago are the largest part
	MaxContent = 10 << 20 // the document inside, as limits.DocumentBytes
	MaxPath    = 64       // digests in a Merkle path
	MaxHeaders = 128      // block headers up to the final one
	MaxAnchors = 16
	MaxRenewal = 64 // a renewal every few years lasts for centuries
	MaxParts   = 64 // parts of a pack file, and entries of material

	maxTrieNodes = ethereum.MaxTrieNodes
	maxTrieNode  = ethereum.MaxNodeBytes
	maxEthHeader = ethereum.MaxHeaderBytes
	maxPart      = beacon.MaxPackBytes // the largest is a beacon pack
	maxText      = 2048
	// maxMaterialWork bounds the bytes that are hashed to find material among parts: five times
	// the largest file.
	maxMaterialWork = 5 * MaxBytes
	maxDepth        = 8
	maxValues       = 20_000
	maxMembers      = 64
	maxUint         = 1<<53 - 1 // what JSON numbers hold exactly (RFC 7493, 2.2)
)
