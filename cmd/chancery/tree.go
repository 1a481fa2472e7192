package main

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/proof/merkle"
)

func (c *cli) treeCommand() *cobra.Command {
	var hash string
	var prove int
	var asJSON *bool
	cmd := &cobra.Command{
		Use:   "tree FILE",
		Short: "Compute a Merkle tree (RFC 9162) over the lines of a file",
		Long: `Reads FILE ("-" for standard input), one leaf a line in hexadecimal, and prints the
size and root of the tree over them (RFC 9162, section 2.1). With --prove N it prints
the inclusion proof of leaf N, counted from 0, as JSON.

Plain trees are for checking other logs: batches of 'chancery stamp' have salted leaves.`,
		Args: exactly(1, "a file with leaves"),
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := merkle.ParseHash(hash)
			if err != nil {
				return usageError{err}
			}
			text, err := c.read(args[0], 1<<30)
			if err != nil {
				return err
			}
			var leaves [][]byte
			for i, line := range strings.Split(strings.TrimRight(string(text), "\n"), "\n") {
				leaf, err := hex.DecodeString(strings.TrimPrefix(strings.TrimSpace(line), "0x"))
				if err != nil {
					return invalidError{fmt.Errorf("%s: line %d: expected hexadecimal digits", args[0], i+1)}
				}
				leaves = append(leaves, leaf)
			}
			tree, err := merkle.Build(h, len(leaves), func(i int) []byte { return leaves[i] })
			if err != nil {
				return invalidError{err}
			}
			if prove < 0 && *asJSON {
				o := treeObject(h.String(), int(tree.Size()), tree.Root())
				return c.printIndented([]byte(o.String()))
			}
			if prove < 0 {
				_, err = fmt.Fprintf(c.stdout, "%s %d %x\n", h, tree.Size(), tree.Root())
				return err
			}
			p, err := tree.Inclusion(prove)
			if err != nil {
				return usageError{err}
			}
			var path []string
			for rest := p.Path; len(rest) > 0; rest = rest[h.Size():] {
				path = append(path, strictjson.Quote(hex.EncodeToString(rest[:h.Size()])))
			}
			return c.printIndented(fmt.Appendf(nil, `{"alg":%s,"size":%d,"index":%d,"leafHash":"%x","path":[%s],"root":"%x"}`,
				strictjson.Quote(h.String()), p.Size, p.Index, tree.LeafHashAt(prove), strings.Join(path, ","), tree.Root()))
		},
	}
	cmd.Flags().StringVar(&hash, "hash", "sha-256", "sha-256, sha-512 or sha3-256")
	asJSON = jsonFlag(cmd, "print the tree as JSON, as --prove always does")
	cmd.Flags().IntVar(&prove, "prove", -1, "leaf to prove, counted from 0")
	return cmd
}
