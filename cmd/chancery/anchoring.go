package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/anchor/ethereum"
	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/proof/beacon"
	"github.com/chancery-dev/chancery/proof/evidence"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/signer/pades"
)

type anchorFlags struct {
	store, key, issuer, method              string
	rpc                                     []string
	keystore, keystorePass, genesis, beacon string
	chainID                                 uint64
	agree                                   int
	maxFeeGwei                              int64
	tsa                                     string
	tsaRoots                                []string
	pass                                    passphraseFlags
	every, timeout                          time.Duration
	json                                    bool
}

func (c *cli) anchorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "anchor",
		Short: "Anchor batches on Ethereum and with a timestamping authority",
		Long: `Items that 'chancery stamp' put into the store are sealed into a batch, which is
signed by the institution and anchored by one transaction, whatever its size, and by one
RFC 3161 timestamp. A crash at any point ends in one transaction: run submit or wait
again.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return hintError{usagef("unknown command %q for anchor", args[0]), "run 'chancery anchor --help' for the commands"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.anchorSubmitCommand(), c.anchorStatusCommand(), c.anchorWaitCommand())
	return cmd
}

// addChain adds the flags that say where to anchor.
func (f *anchorFlags) addChain(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.store, "store", defaultStore, "directory that keeps items and batches")
	fl.StringArrayVar(&f.rpc, "rpc", nil, "URL of an Ethereum node's RPC; several are compared with each other")
	fl.IntVar(&f.agree, "agree", 0, "how many of them must say the same; default: more than half")
	fl.Uint64Var(&f.chainID, "chain-id", 1, "chain id")
	fl.StringVar(&f.genesis, "genesis", "", "hash of the chain's block 0; default for chain 1: mainnet's, otherwise required")
	fl.StringVar(&f.keystore, "keystore", "", "encrypted keystore of the account that pays")
	fl.StringVar(&f.keystorePass, "keystore-passphrase-file", "", "file with its passphrase; default: ask on the terminal")
	fl.Int64Var(&f.maxFeeGwei, "max-fee", 100, "highest fee per gas, in gwei")
	fl.StringVar(&f.beacon, "beacon", "", "URL of a beacon node, for finality packs (mainnet)")
	fl.StringVar(&f.tsa, "tsa", "", "URL of a timestamping authority, to timestamp batches too")
	fl.StringArrayVar(&f.tsaRoots, "tsa-roots", nil, "PEM file with the roots its tokens must lead to; default: whatever root it sends, with a warning")
	fl.DurationVar(&f.timeout, "timeout", 15*time.Minute, "how long to wait in all")
	fl.BoolVar(&f.json, "json", false, "print batches, and how many items wait, as JSON")
}

func (c *cli) anchorSubmitCommand() *cobra.Command {
	var f anchorFlags
	cmd := &cobra.Command{
		Use:   "submit --key KEY.pem --rpc URL --keystore FILE",
		Short: "Seal the waiting items into a batch and send it",
		Example: `  chancery anchor submit --key key/key.pem --rpc https://rpc.example --keystore account.json --keystore-passphrase-file pass.txt
  chancery anchor submit --key key/key.pem --tsa https://tsa.example     # a timestamp alone, no chain`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), f.timeout)
			defer cancel()
			store, err := openExisting(f.store)
			if err != nil {
				return err
			}
			defer store.Close()
			anchorer, promise, err := c.anchorer(ctx, f, store)
			if err != nil {
				return err
			}
			record, err := c.seal(ctx, f, store, promise)
			switch {
			case errors.Is(err, anchor.ErrEmpty):
				fmt.Fprintln(c.stderr, "no item waits; batches that are under way go on")
			case err != nil:
				return err
			case !f.json:
				fmt.Fprintf(c.stdout, "batch %d sealed: %d items, digest %x\n", record.Seq, record.Size, record.Digest)
			}
			stepErr := anchorer.Step(ctx)
			if err := c.printBatches(ctx, store, true, f.json); err != nil {
				return err
			}
			return stepErr
		},
	}
	f.addChain(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.key, "key", "", "the institution's private key file, which signs batches (required)")
	f.pass.add(cmd)
	fl.StringVar(&f.issuer, "issuer", "", "issuer, a DID or URL; default: the key's DID")
	fl.StringVar(&f.method, "method", "", "verification method, a URL; default: the key's DID URL")
	return cmd
}

// seal closes a batch over the waiting items.
func (c *cli) seal(ctx context.Context, f anchorFlags, store anchor.Store, promise []string) (*anchor.Record, error) {
	private, err := c.readKey(f.key, f.pass)
	if err != nil {
		return nil, err
	}
	id, method, err := signer.Identifier(private.Public())
	if err != nil {
		return nil, usageError{err}
	}
	if f.issuer != "" {
		id = f.issuer
	}
	if f.method != "" {
		method = f.method
	}
	batcher, err := anchor.NewBatcher(anchor.BatcherConfig{Store: store, Issuer: id, Key: private, Method: method, Promise: promise, Clock: c.now})
	if err != nil {
		return nil, usageError{err}
	}
	return batcher.Seal(ctx)
}

// mainnetGenesis is the hash of Ethereum's block 0.
const mainnetGenesis = "0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"

// anchorer prepares chain and timestamping authority, and says which of them headers
// are to promise.
func (c *cli) anchorer(ctx context.Context, f anchorFlags, store anchor.Store) (*anchor.Anchorer, []string, error) {
	config := anchor.AnchorerConfig{Store: store, Clock: c.now}
	var promise []string
	if len(f.rpc) > 0 {
		chain, err := c.chain(f)
		if err != nil {
			return nil, nil, err
		}
		config.Chain = chain
		promise = append(promise, evidence.PromiseChain(f.chainID))
	}
	if f.tsa != "" {
		tsa, err := c.timestamper(ctx, f.tsa, f.tsaRoots)
		if err != nil {
			return nil, nil, err
		}
		config.Timestamper = serving.Tokens(tsa, &pades.Fetcher{HTTP: c.httpClient(), Clock: c.now, KeepFor: time.Minute}, c.now)
		promise = append(promise, evidence.PromiseTimestamp)
	}
	if config.Chain == nil && config.Timestamper == nil {
		return nil, nil, hintError{usagef("expected --rpc, --tsa or both"), "for development: go run ./cmd/devchain, then --rpc http://127.0.0.1:8545"}
	}
	a, err := anchor.NewAnchorer(config)
	if err != nil {
		return nil, nil, usageError{err}
	}
	return a, promise, nil
}

func (c *cli) chain(f anchorFlags) (*ethereum.Chain, error) {
	if f.keystore == "" {
		return nil, usagef("expected --keystore, the account that pays")
	}
	genesis := f.genesis
	if genesis == "" && f.chainID == 1 {
		genesis = mainnetGenesis
	}
	hash, err := hex.DecodeString(strings.TrimPrefix(genesis, "0x"))
	if err != nil || len(hash) != 32 {
		return nil, hintError{usagef("--genesis: expected the hash of the chain's block 0"), "development chains share chain ids, so the id alone does not say which chain is meant"}
	}
	file, err := c.read(f.keystore, maxKeyFile)
	if err != nil {
		return nil, err
	}
	phrase, err := passphraseFlags{file: f.keystorePass}.read(c, "Passphrase of "+f.keystore+": ")
	if err != nil {
		return nil, err
	}
	key, err := ethereum.ParseKeystore(file, string(phrase))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.keystore, err)
	}
	config := ethereum.Config{
		ChainID: f.chainID, Genesis: [32]byte(hash), Key: key, Agree: f.agree, Clock: c.now,
		MaxFee: new(big.Int).Mul(big.NewInt(f.maxFeeGwei), big.NewInt(1e9)),
	}
	for i, url := range f.rpc {
		rpc, err := ethereum.Dial(url, c.httpClient())
		if err != nil {
			return nil, usageError{fmt.Errorf("--rpc %d: %w", i+1, err)}
		}
		config.Endpoints = append(config.Endpoints, ethereum.Endpoint{Name: "rpc " + strconv.Itoa(i+1), RPC: rpc})
	}
	if f.beacon != "" {
		if f.chainID != 1 {
			return nil, usagef("--beacon: expected chain 1, whose forks are known")
		}
		config.Beacon = &ethereum.Beacon{URL: f.beacon, HTTP: c.httpClient(), Network: beacon.Mainnet()}
	}
	chain, err := ethereum.New(config)
	if err != nil {
		return nil, usageError{err}
	}
	return chain, nil
}

func (c *cli) anchorStatusCommand() *cobra.Command {
	var store string
	var asJSON *bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show batches and how far they have come",
		Args:  exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := openExisting(store)
			if err != nil {
				return err
			}
			defer s.Close()
			return c.printBatches(cmd.Context(), s, false, *asJSON)
		},
	}
	cmd.Flags().StringVar(&store, "store", defaultStore, "directory that keeps items and batches")
	asJSON = jsonFlag(cmd, "print batches, and how many items wait, as JSON")
	return cmd
}

// batchLine says how far a batch has come.
func batchLine(r *anchor.Record) string {
	text := fmt.Sprintf("batch %d  %-6s  %d items  sealed %s", r.Seq, r.State, r.Size, r.SealedAt.UTC().Format(time.RFC3339))
	if r.HasNonce {
		text += "  by " + r.Account.String()
	}
	if r.Place != nil {
		text += fmt.Sprintf("  block %d", r.Place.Block.Number)
	}
	if r.FinalBy != nil {
		text += fmt.Sprintf("  final by block %d 0x%x (%s)", r.FinalBy.Number, r.FinalBy.Hash, plain(r.RestsOn))
	}
	if len(r.Token) > 0 {
		text += "  timestamped"
	}
	if r.Done {
		text += "  done"
	}
	if r.Problem != "" {
		text += fmt.Sprintf("  (%s: %s)", r.Problem, plain(r.Detail))
	}
	if r.TSProblem != "" {
		text += fmt.Sprintf("  (timestamp: %s)", plain(r.TSProblem))
	}
	return text
}

func (c *cli) anchorWaitCommand() *cobra.Command {
	var f anchorFlags
	cmd := &cobra.Command{
		Use:   "wait [BATCH]",
		Short: "Wait until a batch is final",
		Long:  `Takes batches on until BATCH (default: the newest) is final and timestamped, as far as each is asked for.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("expected at most one batch number, found %d arguments", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), f.timeout)
			defer cancel()
			store, err := openExisting(f.store)
			if err != nil {
				return err
			}
			defer store.Close()
			queue, err := store.Queue(ctx)
			if err != nil {
				return err
			}
			if queue.Seq == 0 {
				return hintError{usagef("expected a batch, found none"), "run 'chancery anchor submit' first"}
			}
			seq := queue.Seq - 1
			if len(args) == 1 {
				if seq, err = strconv.ParseUint(args[0], 10, 64); err != nil {
					return usagef("expected a batch number, found %q", args[0])
				}
			}
			anchorer, _, err := c.anchorer(ctx, f, store)
			if err != nil {
				return err
			}
			_, err = anchorer.Wait(ctx, seq, f.every)
			if printErr := c.printBatches(context.WithoutCancel(ctx), store, true, f.json); printErr != nil {
				return printErr
			}
			return err
		},
	}
	f.addChain(cmd)
	cmd.Flags().DurationVar(&f.every, "every", 5*time.Second, "how often to look")
	return cmd
}
