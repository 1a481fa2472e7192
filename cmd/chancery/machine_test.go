package main

import (
	"testing"

	"github.com/spf13/cobra"
)

// noJSON are commands whose output is a document or file of its own kind, or a log.
var noJSON = map[string]string{
	"issue": "a credential", "derive": "a credential", "present": "a presentation", "bake": "a picture", "unbake": "a credential",
	"did resolve": "a DID document", "did document": "a DID document", "trust": "a trust file", "certificate": "PEM", "devtsa": "runs until it is stopped",
	"sign": "a PDF", "renew": "a PDF", "render": "a PDF", "prove": "evidence", "convert": "evidence", "status new": "nothing",
	"status allocate": "a status entry", "status publish": "a credential", "verifier-page": "a page", "man": "files",
	"serve": "runs until it is stopped", "config check": "a word", "config example": "TOML", "backup": "a file", "restored": "a sentence",
}

// TestJSONEverywhere: what prints something for people prints it for programs, too.
func TestJSONEverywhere(t *testing.T) {
	seen := map[string]bool{}
	var walk func(*cobra.Command, string)
	walk = func(cmd *cobra.Command, path string) {
		for _, sub := range cmd.Commands() {
			if sub.Name() != "completion" && sub.Name() != "help" {
				walk(sub, path+" "+sub.Name())
			}
		}
		if cmd.HasSubCommands() {
			return
		}
		path = path[1:]
		seen[path] = true
		flag, excepted := cmd.Flags().Lookup("json"), noJSON[path] != ""
		if (flag == nil) != excepted {
			t.Errorf("%s: --json %v, excepted %v", path, flag != nil, excepted)
		}
	}
	walk((&cli{}).rootCommand(), "")
	for path := range noJSON {
		if !seen[path] {
			t.Errorf("%s is no command", path)
		}
	}
}
