package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chancery-dev/chancery/proof/beacon"
	"github.com/chancery-dev/chancery/proof/ethereum"
)

// maxUnix is the end of the year 9999 in unix seconds.
const maxUnix = 253402300799

// checkEth is step 6: the digest is in a transaction of a final block.
func (v *run) checkEth(i int, e *Eth) bool {
	// 6.1
	chain := v.chain(e)
	if chain == nil {
		v.open("6.1", "chain", i, ChainUnknown, fmt.Sprintf("the trust does not name chain %d", e.ChainID))
	} else if chain.GenesisHash != e.GenesisHash {
		v.fail("6.1", "chain", i, ChainMismatch, fmt.Sprintf("expected chain %d with genesis 0x%x, found 0x%x", e.ChainID, chain.GenesisHash, e.GenesisHash))
		return false
	} else {
		v.pass("6.1", "chain", i, fmt.Sprintf("eip155:%d", e.ChainID))
	}
	// 6.2
	block, index, raw, code, err := mined(&e.Tx)
	if err != nil {
		v.refuse("6.2", "transaction", i, code, err.Error())
		return false
	}
	v.pass("6.2", "transaction", i, fmt.Sprintf("index %d of block 0x%x", index, block.Hash))
	// 6.3
	tx, err := ethereum.ParseTransaction(raw)
	if errors.Is(err, ethereum.ErrTransactionType) {
		v.open("6.3", "calldata", i, Unsupported, err.Error())
		return false
	}
	if err == nil {
		err = v.calldata(tx, e.ChainID)
	}
	if err != nil {
		v.fail("6.3", "calldata", i, TransactionWrong, err.Error())
		return false
	}
	v.pass("6.3", "calldata", i, fmt.Sprintf("transaction 0x%x", tx.Hash))
	// 6.4
	sender, err := tx.Sender()
	if err != nil {
		v.fail("6.4", "sender", i, SenderWrong, err.Error())
		return false
	}
	known := chain != nil && slices.Contains(chain.Senders, [20]byte(sender))
	switch {
	case chain == nil || len(chain.Senders) == 0:
		v.open("6.4", "sender", i, SenderUnknown, "the trust names no senders for the chain")
	case !known:
		v.fail("6.4", "sender", i, SenderWrong, fmt.Sprintf("sent by 0x%x, whom the trust does not name", sender))
		return false
	default:
		v.pass("6.4", "sender", i, fmt.Sprintf("0x%x", sender))
	}
	// 6.5
	final, code, err := linked(block, e.Link)
	if err != nil {
		v.refuse("6.5", "link", i, code, err.Error())
		return false
	}
	v.pass("6.5", "link", i, fmt.Sprintf("block %d leads to block %d", block.Number, final.Number))
	// 6.6
	if chain == nil {
		v.open("6.6", "finality", i, FinalityUndecided, "the trust does not name the chain")
		return false
	}
	rests, proven, code, detail := finality(chain, final, e.Pack)
	if code != "" {
		v.refuse("6.6", "finality", i, code, detail)
		return false
	}
	if block.Time <= maxUnix && v.later(time.Unix(int64(block.Time), 0)) {
		v.open("6.6", "finality", i, FinalityUndecided, "the block was made after the time to judge at")
		return false
	}
	v.pass("6.6", "finality", i, rests)
	if !known {
		return false
	}
	if block.Time > maxUnix {
		v.fail("6.6", "finality", i, TransactionWrong, "the block's time is after the year 9999")
		return false
	}
	at := time.Unix(int64(block.Time), 0).UTC()
	v.r.Facts.OnChain = append(v.r.Facts.OnChain, OnChain{
		ChainID: chain.ChainID, Network: chain.name(), GenesisHash: chain.GenesisHash,
		BlockNumber: block.Number, BlockHash: block.Hash, BlockTime: at, TxHash: tx.Hash, TxIndex: index, Sender: sender,
		Final: proven, Trust: rests,
	})
	v.existed(Existence{Time: at, Source: "block", RestsOn: fmt.Sprintf("%s, block %d, final by %s", chain.name(), block.Number, rests), Anchor: i})
	return true
}

// mined is step 6.2: the block, and the transaction that its header commits to at an index.
func mined(part *Part) (block ethereum.Header, index uint64, raw []byte, code Code, err error) {
	b, code, err := readPart(part, TransactionWrong, ParseTxProof)
	if err != nil {
		return block, 0, nil, code, err
	}
	if block, err = ethereum.ParseHeader(b.Header); err == nil {
		raw, err = ethereum.ProveTransaction(block.TransactionsRoot, b.Index, b.Nodes)
	}
	return block, b.Index, raw, TransactionWrong, err
}

// readPart reads a part that a step needs. Where it is away, or of a newer form, the
// question is open; where it is of no form, the code says what is wrong.
func readPart[T any](p *Part, wrong Code, parse func([]byte) (T, error)) (T, Code, error) {
	if p.Bytes == nil {
		var none T
		return none, PartMissing, fmt.Errorf("evidence: expected the part with SHA-256 %x", p.SHA256)
	}
	out, err := parse(p.Bytes)
	if errors.Is(err, ErrUnsupported) {
		wrong = Unsupported
	}
	return out, wrong, err
}

// calldata is the heart of step 6.3: the transaction says D and nothing else.
func (v *run) calldata(tx *ethereum.Transaction, chainID uint64) error {
	switch {
	case tx.ChainID != chainID || chainID == 0:
		return fmt.Errorf("evidence: expected a transaction for chain %d, found one for %d", chainID, tx.ChainID)
	case tx.To == nil:
		return errors.New("evidence: expected a call, found a transaction that creates a contract")
	case !bytes.Equal(tx.Data, v.r.Digest[:]):
		return fmt.Errorf("evidence: expected the batch digest as calldata, found %d other bytes", len(tx.Data))
	}
	return nil
}

// chain is the chain of the trust that an anchor names. Development chains share ids: of several
// it is the one with the same genesis.
func (v *run) chain(e *Eth) (found *Chain) {
	for i := range v.t.Chains {
		c := &v.t.Chains[i]
		if c.ChainID == e.ChainID && (found == nil || c.GenesisHash == e.GenesisHash) {
			found = c
		}
	}
	return found
}

func (c *Chain) name() string {
	if c.Name != "" {
		return c.Name
	}
	return PromiseChain(c.ChainID)
}

// existed adds a time by which the batch existed.
func (v *run) existed(e Existence) {
	f := &v.r.Facts
	f.Existed = append(f.Existed, e)
	if e.Source != "renewal" && (f.Proven.IsZero() || e.Time.Before(f.Proven)) {
		f.Proven = e.Time
	}
}

// linked is step 6.5: the header of the final block.
func linked(block ethereum.Header, part *Part) (ethereum.Header, Code, error) {
	if part == nil {
		return block, "", nil
	}
	link, code, err := readPart(part, LinkWrong, ParseLink)
	if err != nil {
		return block, code, err
	}
	if link.History == nil {
		headers, err := ethereum.ParseChain(link.Headers)
		if err != nil {
			return block, LinkWrong, err
		}
		if headers[0].ParentHash != block.Hash || headers[0].Number != block.Number+1 {
			return block, LinkWrong, errors.New("evidence: the headers do not begin after the block")
		}
		return headers[len(headers)-1], "", nil
	}
	newer, err := ethereum.ParseHeader(link.History.Header)
	if err != nil {
		return block, LinkWrong, err
	}
	hash, err := ethereum.ProveHistory(newer, block.Number, link.History.AccountProof, link.History.StorageProof)
	if err != nil {
		return block, LinkWrong, err
	}
	if hash != block.Hash {
		return block, LinkWrong, errors.New("evidence: the history contract has another hash for the block's number")
	}
	return newer, "", nil
}

// finality is step 6.6: what says that a block is final.
func finality(c *Chain, final ethereum.Header, part *Part) (rests string, proven *beacon.Finalized, code Code, detail string) {
	known := false
	for _, b := range c.Final {
		if b.Hash == final.Hash {
			if b.Number != final.Number {
				return "", nil, FinalityUndecided, fmt.Sprintf("the trust gives block 0x%x the number %d", b.Hash, b.Number)
			}
			known = true
		}
	}
	switch {
	case part == nil && known:
		return fmt.Sprintf("block %d of the trust", final.Number), nil, "", ""
	case part == nil:
		return "", nil, FinalityUndecided, "the bundle holds no finality pack, and the trust does not name the block"
	case part.Bytes == nil && !known:
		return "", nil, PartMissing, fmt.Sprintf("expected the part with SHA-256 %x", part.SHA256)
	case part.Bytes == nil || known && c.Beacon == nil:
		return fmt.Sprintf("block %d of the trust", final.Number), nil, "", ""
	case c.Beacon == nil:
		return "", nil, FinalityUndecided, "the trust has neither committees nor checkpoints for the chain"
	}
	pack, err := beacon.ParsePack(part.Bytes)
	if err == nil {
		proven, err = beacon.Verify(pack, c.Beacon)
	}
	switch {
	case beacon.Indeterminate(err) && known:
		return fmt.Sprintf("block %d of the trust", final.Number), nil, "", ""
	case beacon.Indeterminate(err):
		return "", nil, FinalityUndecided, err.Error()
	case err != nil:
		return "", nil, FinalityWrong, err.Error()
	case proven.ChainID != 0 && (proven.ChainID != c.ChainID || proven.GenesisHash != c.GenesisHash):
		return "", nil, FinalityWrong, "the pack is about another chain"
	case proven.BlockHash != final.Hash || proven.BlockNumber != final.Number:
		return "", nil, FinalityWrong, fmt.Sprintf("the pack is about block 0x%x", proven.BlockHash)
	}
	return fmt.Sprintf("%d of %d signers of period %d under %s", proven.Signers, proven.CommitteeSize, proven.Period, proven.Trust), proven, "", ""
}
