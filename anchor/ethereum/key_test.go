package ethereum_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	gethcrypto "github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/trie"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/anchor/ethereum"
	proof "github.com/chancery-dev/chancery/proof/ethereum"
)

// hsm is a signer as hardware is: random signatures of either s, nothing about recovery.
type hsm struct {
	key    *ecdsa.PrivateKey
	public crypto.PublicKey
	change func(r, s *big.Int)
	junk   bool
}

func (h *hsm) Public() crypto.PublicKey {
	if h.public != nil {
		return h.public
	}
	return &h.key.PublicKey
}

func (h *hsm) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	if h.junk {
		return []byte("signature"), nil
	}
	sig, err := gethcrypto.Sign(digest, h.key)
	if err != nil {
		return nil, err
	}
	r, s := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:64])
	if h.change != nil {
		h.change(r, s)
	}
	return asn1.Marshal(struct{ R, S *big.Int }{r, s})
}

func TestSigners(t *testing.T) {
	key, err := gethcrypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	other, err := gethcrypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	n := gethcrypto.S256().Params().N
	public, err := secp256k1.ParsePubKey(gethcrypto.FromECDSAPub(&key.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	s := newSim(t)
	for name, c := range map[string]struct {
		signer crypto.Signer
		bad    bool
	}{
		"low s":        {signer: &hsm{key: key}},
		"high s":       {signer: &hsm{key: key, change: func(_, s *big.Int) { s.Sub(n, s) }}},
		"decred key":   {signer: &hsm{key: key, public: public}},
		"other key":    {signer: &hsm{key: other, public: &key.PublicKey}, bad: true},
		"zero r":       {signer: &hsm{key: key, change: func(r, _ *big.Int) { r.SetInt64(0) }}, bad: true},
		"zero s":       {signer: &hsm{key: key, change: func(_, s *big.Int) { s.SetInt64(0) }}, bad: true},
		"s over order": {signer: &hsm{key: key, change: func(_, s *big.Int) { s.Add(s, n) }}, bad: true},
		"negative":     {signer: &hsm{key: key, change: func(r, _ *big.Int) { r.Neg(r) }}, bad: true},
		"junk":         {signer: &hsm{key: key, junk: true}, bad: true},
	} {
		k, err := ethereum.NewKey(c.signer)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		chain := s.chain(t, func(c *ethereum.Config) { c.Key = k })
		for i := range 8 {
			tx, _, err := chain.Sign(t.Context(), anchor.SignRequest{Digest: [32]byte{byte(i)}, Nonce: uint64(i)})
			if c.bad {
				if err == nil {
					t.Errorf("%s: expected an error", name)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			parsed, err := proof.ParseTransaction(tx.Raw)
			if err != nil {
				t.Fatal(err)
			}
			from, err := parsed.Sender()
			if err != nil || from != proof.Address(gethcrypto.PubkeyToAddress(key.PublicKey)) || from != proof.Address(k.Address()) {
				t.Fatalf("%s: sent by %x, %v", name, from, err)
			}
			if parsed.To == nil || *parsed.To != from || len(parsed.Data) != 32 || parsed.Data[0] != byte(i) {
				t.Fatalf("%s: not a call of the account itself with the digest", name)
			}
		}
	}
}

func TestWrongKeys(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := gethcrypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	//lint:ignore SA1019 a point off the curve cannot be written in another way
	//lint:ignore SA1019 no constructor makes a key that is no point
	off := ecdsa.PublicKey{Curve: gethcrypto.S256(), X: big.NewInt(5), Y: big.NewInt(5)}
	//lint:ignore SA1019 neither can one that is too big
	//lint:ignore SA1019 no constructor makes a key that is no point
	huge := ecdsa.PublicKey{Curve: gethcrypto.S256(), X: big.NewInt(5), Y: new(big.Int).Lsh(big.NewInt(1), 300)}
	for name, s := range map[string]crypto.Signer{"ed25519": ed, "P-256": p256, "off the curve": &hsm{key: key, public: &off}, "too big": &hsm{key: key, public: &huge}} {
		if _, err := ethereum.NewKey(s); !errors.Is(err, anchor.ErrConfig) {
			t.Errorf("%s: expected ErrConfig, found %v", name, err)
		}
	}
	for _, secret := range [][]byte{nil, make([]byte, 31), make([]byte, 32), bytes.Repeat([]byte{0xff}, 32)} {
		if _, err := ethereum.SoftKey(secret); err == nil {
			t.Errorf("secret %x is taken", secret)
		}
	}
}

func TestKeystore(t *testing.T) {
	key, err := gethcrypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	address := gethcrypto.PubkeyToAddress(key.PublicKey)
	file, err := keystore.EncryptKey(&keystore.Key{Address: address, PrivateKey: key}, "open", keystore.LightScryptN, keystore.LightScryptP)
	if err != nil {
		t.Fatal(err)
	}
	k, err := ethereum.ParseKeystore(file, "open")
	if err != nil || k.Address() != address {
		t.Fatalf("found %x, %v", k.Address(), err)
	}
	for name, f := range map[string][]byte{"wrong MAC": bytes.Replace(file, []byte(`"mac":"`), []byte(`"mac":"00`), 1), "empty": nil, "not JSON": []byte("x"), "too long": make([]byte, 1<<20)} {
		if _, err := ethereum.ParseKeystore(f, "open"); !errors.Is(err, anchor.ErrConfig) {
			t.Errorf("%s: expected ErrConfig, found %v", name, err)
		}
	}
	if _, err := ethereum.ParseKeystore(file, "closed"); !errors.Is(err, anchor.ErrConfig) {
		t.Errorf("wrong passphrase: found %v", err)
	}
}

// blockOf makes signed transactions of all types and many lengths.
func blockOf(t *testing.T, n int) types.Transactions {
	t.Helper()
	secret := sha256.Sum256([]byte("block"))
	key, err := gethcrypto.ToECDSA(secret[:])
	if err != nil {
		t.Fatal(err)
	}
	to := common.Address{1}
	signer := types.LatestSignerForChainID(big.NewInt(1337))
	var out types.Transactions
	for i := range n {
		var data types.TxData = &types.DynamicFeeTx{ChainID: big.NewInt(1337), Nonce: uint64(i), To: &to, Gas: 21000, GasFeeCap: big.NewInt(9), GasTipCap: big.NewInt(1), Data: make([]byte, i*7%300)}
		switch i % 3 {
		case 1:
			data = &types.LegacyTx{Nonce: uint64(i), To: &to, Gas: 21000, GasPrice: big.NewInt(9)}
		case 2:
			data = &types.AccessListTx{ChainID: big.NewInt(1337), Nonce: uint64(i), To: &to, Gas: 21000, GasPrice: big.NewInt(9)}
		}
		tx, err := types.SignNewTx(key, signer, data)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, tx)
	}
	return out
}

// walk proves a transaction with the verifying side's code, under the root that
// go-ethereum computes.
func walk(txs types.Transactions, i int) error {
	nodes, err := ethereum.TransactionProof(txs, uint64(i))
	if err != nil {
		return err
	}
	got, err := proof.ProveTransaction(proof.Hash(types.DeriveSha(txs, trie.NewStackTrie(nil))), uint64(i), nodes)
	if err != nil {
		return err
	}
	want, err := txs[i].MarshalBinary()
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("another transaction")
	}
	return nil
}
