// Package beacon checks, offline, that an Ethereum execution block is final.
//
// The evidence is a [Pack]: a sync committee, a header it signed, and Merkle branches
// from that header to a finalized execution block. Trust is given by the caller, as a
// table of committee roots or as a checkpoint block root in [Trust]; a pack proves
// nothing by itself.
//
//	p, err := beacon.ParsePack(b)
//	final, err := beacon.Verify(p, &beacon.Trust{Network: beacon.Mainnet(), Committees: table})
//
// A nil error, and nothing else, means that final.BlockHash is final under the trust
// given. [Indeterminate] tells errors that say "cannot decide with this trust" from
// errors that say "this evidence is wrong".
//
// Caveats. The package holds no table of trusted committees and opens no socket. It
// knows the forks Altair to Fulu: evidence of other forks is indeterminate. It does not
// see that a checkpoint or a table was chosen badly, nor that the keys of a past
// committee were bought later: what was trusted is named in [Finalized.Trust] and has
// to be shown with every verdict. Of the signature slot only the sync period and the
// fork are authenticated by the protocol, so it is never reported.
//
// Specification: github.com/ethereum/consensus-specs, altair/light-client/sync-protocol.md
// and the changes to it up to Fulu.
package beacon
