package foreign

import (
	"fmt"

	"github.com/chancery-dev/chancery/proof/chainpoint"
	"github.com/chancery-dev/chancery/proof/ethereum"
	"github.com/chancery-dev/chancery/proof/opentimestamps"
	"github.com/chancery-dev/chancery/verifier"
)

var otsAlgs = map[opentimestamps.Op]string{
	opentimestamps.SHA1: "sha-1", opentimestamps.RIPEMD160: "ripemd-160",
	opentimestamps.SHA256: "sha-256", opentimestamps.Keccak256: "keccak-256",
}

// openTimestamps judges an .ots file. It names nobody, so that no issuer is looked for.
func (j *judge) openTimestamps(b []byte) {
	j.r.Model = "OpenTimestamps 1"
	f, err := opentimestamps.Parse(b)
	if err != nil {
		j.refuse(err)
		return
	}
	j.pass(verifier.CheckDocument, "an OpenTimestamps proof of a file's "+f.HashOp.String()+" digest")
	j.subject(f.Digest, otsAlgs[f.HashOp])
	chain := j.h.EthereumChain
	if chain == 0 {
		chain = 1
	}
	blocks := opentimestamps.Blocks{Bitcoin: j.pin.bitcoin, Ethereum: map[uint64]ethereum.Header{}}
	for at, h := range j.pin.ethereum {
		if at.chainID == chain {
			blocks.Ethereum[at.number] = h
		}
	}
	var claims []claim
	for _, a := range f.Check(blocks) {
		c := claim{verdict: verdict(a.Verdict), weak: a.Weak, detail: a.Detail, time: a.Time, block: a.Block, height: a.Height}
		switch a.Kind {
		case opentimestamps.Bitcoin, opentimestamps.Litecoin:
			c.network = a.Kind.String()
			c.what = fmt.Sprintf("%s block %d", c.network, a.Height)
		case opentimestamps.Ethereum:
			c.network = fmt.Sprintf("eip155:%d", chain)
			c.what = fmt.Sprintf("Ethereum block %d of a chain that the proof does not name", a.Height)
		case opentimestamps.Pending:
			c.what = "calendar " + a.URI
		default:
			c.what = fmt.Sprintf("attestation %x", a.Tag)
		}
		if a.Short && a.Verdict == opentimestamps.Confirmed {
			j.find(verifier.GradeNote, "short_hash", "a step on the way to "+c.what+" is a hash of 160 bits")
		}
		claims = append(claims, c)
	}
	j.anchors(claims)
	j.unbound("who made the proof: the format names nobody")
}

// chainpoint judges a Chainpoint proof. It names nobody either.
func (j *judge) chainpoint(b []byte) {
	j.r.Model = "Chainpoint"
	p, err := chainpoint.Parse(b)
	if err != nil {
		j.refuse(err)
		return
	}
	j.r.Model = fmt.Sprintf("Chainpoint %d", p.Version)
	j.pass(verifier.CheckDocument, "a Chainpoint proof of a digest")
	bySize := map[int][]string{20: {"sha-1", "ripemd-160"}, 28: {"sha-224", "sha3-224"}, 32: {"sha-256", "sha3-256"},
		48: {"sha-384", "sha3-384"}, 64: {"sha-512", "sha3-512"}}
	if algs := bySize[len(p.Hash)]; algs != nil {
		j.subject(p.Hash, algs...)
	} else {
		j.fail(CheckSubject, verifier.ProofTypeUnknown, "a digest of a length that no known algorithm has")
	}
	var claims []claim
	for _, a := range p.Check(j.pin.bitcoin) {
		what := a.Type + " anchor"
		if a.Type == "btc" || a.Type == "tbtc" {
			what += " of block " + a.ID
		}
		claims = append(claims, claim{verdict: verdict(a.Verdict), detail: a.Detail, what: what, network: a.Network, block: a.Block, height: a.Height, time: a.Time})
	}
	j.anchors(claims)
	j.unbound("the proof's identifier and the time at which a server says to have received the hash", "the algorithm of the document's digest", "who made the proof: the format names nobody")
}
