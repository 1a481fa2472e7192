package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/anchor"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/verifier"
)

// What commands print with --json. Times are RFC 3339 in UTC, hashes hexadecimal without
// 0x, and members without a value are left out.

// jsonFlag adds --json to a command.
func jsonFlag(cmd *cobra.Command, usage string) *bool {
	return cmd.Flags().Bool("json", false, usage)
}

// object is a JSON object in the order in which its members are added.
type object struct{ members []string }

func (o *object) text(name, value string) {
	if value != "" {
		o.raw(name, quoted(value))
	}
}

func (o *object) number(name string, value uint64) { o.raw(name, fmt.Sprint(value)) }
func (o *object) raw(name, json string)            { o.members = append(o.members, quoted(name)+":"+json) }
func (o *object) String() string                   { return "{" + strings.Join(o.members, ",") + "}" }

// printLine writes an object on a line of its own.
func (c *cli) printLine(o object) error {
	_, err := fmt.Fprintln(c.stdout, o.String())
	return err
}

func statusObject(config signer.StatusConfig, allocated, set int) object {
	var o object
	o.text("id", config.ID)
	o.text("purpose", config.Purpose)
	o.number("size", uint64(max(config.Size, 1)))
	o.number("entries", uint64(config.Entries))
	o.number("allocated", uint64(allocated))
	o.number("set", uint64(set))
	if len(config.Messages) > 0 {
		var list []string
		for _, m := range config.Messages {
			list = append(list, `{"status":`+quoted(m.Status)+`,"message":`+quoted(m.Message)+`}`)
		}
		o.raw("messages", "["+strings.Join(list, ",")+"]")
	}
	return o
}

func reasonObject(r verifier.ReasonInfo) object {
	var o object
	o.text("code", string(r.Code))
	o.text("area", r.Area)
	o.text("outcome", r.Outcome.String())
	o.text("text", r.Text)
	o.text("hint", r.Hint)
	o.text("section", r.Section)
	return o
}

func batchObject(r *anchor.Record) object {
	var o object
	o.number("batch", r.Seq)
	o.text("state", r.State.String())
	o.raw("done", fmt.Sprint(r.Done))
	o.number("items", r.Size)
	o.text("digest", hex.EncodeToString(r.Digest[:]))
	o.text("sealedAt", r.SealedAt.UTC().Format(time.RFC3339))
	if r.HasNonce {
		o.text("account", r.Account.String())
	}
	if r.Place != nil {
		o.number("block", r.Place.Block.Number)
	}
	if r.FinalBy != nil {
		o.number("finalBlock", r.FinalBy.Number)
		o.text("finalHash", hex.EncodeToString(r.FinalBy.Hash[:]))
		o.text("restsOn", r.RestsOn)
	}
	o.raw("timestamped", fmt.Sprint(len(r.Token) > 0))
	o.text("problem", string(r.Problem))
	o.text("detail", r.Detail)
	o.text("timestampProblem", r.TSProblem)
	return o
}

// printBatches tells of each batch, or of each that is not done and the newest, and of
// what waits for one.
func (c *cli) printBatches(ctx context.Context, s anchor.Store, openOnly, asJSON bool) error {
	queue, err := s.Queue(ctx)
	if err != nil {
		return err
	}
	batches := []string{}
	for seq := range queue.Seq {
		r, err := s.Record(ctx, seq)
		if err != nil {
			return err
		}
		switch {
		case openOnly && r.Done && seq+1 != queue.Seq:
		case asJSON:
			o := batchObject(r)
			batches = append(batches, o.String())
		default:
			fmt.Fprintln(c.stdout, batchLine(r))
		}
	}
	if asJSON {
		var o object
		o.raw("batches", "["+strings.Join(batches, ",")+"]")
		o.number("waiting", queue.Size)
		return c.printIndented([]byte(o.String()))
	}
	if queue.Size > 0 {
		fmt.Fprintf(c.stdout, "%d items wait for a batch\n", queue.Size)
	}
	return nil
}

// treeObject is what a tree comes to.
func treeObject(alg string, size int, root []byte) object {
	var o object
	o.raw("alg", strictjson.Quote(alg))
	o.number("size", uint64(size))
	o.text("root", hex.EncodeToString(root))
	return o
}
