package main

import (
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// onceValue is a flag that is given at most once. With most programs the last one counts:
// of two trust files the first would be forgotten, and nobody told.
type onceValue struct {
	pflag.Value
	given bool
}

func (v *onceValue) Set(s string) error {
	if v.given {
		return errors.New("expected it once, found it twice")
	}
	v.given = true
	return v.Value.Set(s)
}

// onlyOnce makes every flag for a text, a number or a time one that is given once.
func onlyOnce(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		switch f.Value.Type() {
		case "string", "int", "int64", "uint64", "duration":
			f.Value = &onceValue{Value: f.Value}
		}
	})
	for _, sub := range cmd.Commands() {
		onlyOnce(sub)
	}
}
