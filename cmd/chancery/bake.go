package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/badge"
)

func (c *cli) bakeCommand() *cobra.Command {
	var out string
	var overwrite bool
	cmd := &cobra.Command{
		Use:   "bake IMAGE CREDENTIAL -o OUT",
		Short: "Put a signed badge into a PNG or SVG",
		Long: `Puts CREDENTIAL, a signed Open Badge or CLR as JSON or JWT, into IMAGE, a PNG or
SVG, and writes the result to OUT. The picture itself is not changed.`,
		Example: "  chancery bake badge.png credential.json -o diploma.png",
		Args:    exactly(2, "an image and a credential"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "-" && args[1] == "-" {
				return usagef("expected at most one of IMAGE and CREDENTIAL on standard input")
			}
			image, err := c.readDocument(args[0])
			if err != nil {
				return err
			}
			text, err := c.readDocument(args[1])
			if err != nil {
				return err
			}
			if s, err := chancery.Detect(image); err == nil && s.MediaType != chancery.MediaPNG && s.MediaType != chancery.MediaSVG {
				return hintError{usagef("%s: expected a PNG or SVG, found %s", args[0], s.MediaType), "usage: " + cmd.UseLine()}
			}
			secured, err := chancery.Detect(text)
			if err != nil {
				return invalidError{fmt.Errorf("%s: %w", args[1], err)}
			}
			var b bytes.Buffer
			if err := badge.Bake(&b, bytes.NewReader(image), secured, badge.BakeOptions{Overwrite: overwrite}); err != nil {
				if errors.Is(err, badge.ErrAlreadyBaked) {
					return hintError{invalidError{err}, "add --overwrite to replace the badge it holds"}
				}
				if errors.Is(err, badge.ErrNotImage) {
					return hintError{invalidError{fmt.Errorf("%s: %w", args[0], err)}, "usage: " + cmd.UseLine()}
				}
				return invalidError{fmt.Errorf("baking %s into %s: %w", args[1], args[0], err)}
			}
			if err := c.write(out, b.Bytes(), 0o644); err != nil {
				return err
			}
			if baked, err := badge.Unbake(bytes.NewReader(b.Bytes())); err == nil && baked.Image == chancery.MediaPNG && c.tty {
				fmt.Fprintln(c.stderr, "note: some phones drop the badge when they save a PNG; offer SVG or the bare credential beside it")
			}
			return nil
		},
	}
	c.outputFlag(cmd, &out, "file to write; default: standard output")
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, "replace badges that the image already holds")
	return cmd
}

func (c *cli) unbakeCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:     "unbake IMAGE [-o OUT]",
		Short:   "Take the badge out of a PNG or SVG",
		Long:    `Writes the badge that IMAGE holds, as it was put in: JSON, a JWT, or a URL. Nothing is verified.`,
		Example: "  chancery unbake diploma.png | chancery verify --trust trust.json -",
		Args:    exactly(1, "an image"),
		RunE: func(cmd *cobra.Command, args []string) error {
			image, err := c.readDocument(args[0])
			if err != nil {
				return err
			}
			baked, err := badge.Unbake(bytes.NewReader(image))
			if err != nil {
				return invalidError{fmt.Errorf("%s: %w", args[0], err)}
			}
			for _, f := range baked.Findings {
				fmt.Fprintf(c.stderr, "%s: %s\n", f.Grade, plain(f.Message))
			}
			return c.write(out, baked.Payload.Bytes, 0o644)
		},
	}
	c.outputFlag(cmd, &out, "file to write; default: standard output")
	return cmd
}
