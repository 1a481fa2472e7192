package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestPagesCall: what the pages and the examples of --help tell people to type are commands
// that there are, with flags that they have.
func TestPagesCall(t *testing.T) {
	texts := map[string]string{}
	for _, name := range []string{"README.md", "docs/auditor.md", "docs/deployment.md", "docs/integration.md", "docs/features.md", "docs/formats/evidence.md", "docs/formats/trust.md", "docs/formats/template.md"} {
		b, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(b)
	}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		texts[cmd.CommandPath()+" --help"] = cmd.Example
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk((&cli{}).rootCommand())
	called := 0
	for name, text := range texts {
		for _, line := range calls(text) {
			called++
			if fault := faultOf(line); fault != "" {
				t.Errorf("%s: %s: %s", name, line, fault)
			}
		}
	}
	if called < 80 {
		t.Errorf("expected more calls than %d", called)
	}
	for _, bad := range []string{"chancery verfy x.json", "chancery verify --trus x.json", "chancery status sho x.state", "chancery x.json"} {
		if faultOf(bad) == "" {
			t.Errorf("%s: expected a fault", bad)
		}
	}
}

// faultOf says what is wrong with a call: its command or a flag.
func faultOf(line string) string {
	root := (&cli{}).rootCommand()
	cmd, rest, err := root.Find(strings.Fields(line)[1:])
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	switch {
	case err != nil:
		return err.Error()
	case cmd.HasSubCommands() && len(cmd.Flags().Args()) > 0 && !strings.HasPrefix(line, "chancery completion"):
		return "no such command"
	}
	return ""
}

var (
	fence  = regexp.MustCompile("(?ms)^```(?:sh|console|bash)?\n(.*?)^```")
	quotes = regexp.MustCompile(`"[^"]*"|'[^']*'|\$\([^)]*\)`)
	call   = regexp.MustCompile(`(?:^|[\s;|(])chancery( [^;|#>)&\x60]*)`)
)

// calls are the calls of the command in the fenced blocks of a page, or in the examples of
// a command; what is quoted is one word.
func calls(text string) []string {
	var code strings.Builder
	if strings.Contains(text, "```") {
		for _, block := range fence.FindAllStringSubmatch(text, -1) {
			code.WriteString(block[1] + "\n")
		}
	} else {
		code.WriteString(text)
	}
	var out []string
	for line := range strings.Lines(strings.ReplaceAll(code.String(), "\\\n", " ")) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "$ ")
		line = strings.ReplaceAll(line, "go run ./cmd/chancery", "chancery")
		line = regexp.MustCompile(`-[ugo] chancery`).ReplaceAllString(line, "") // an account of that name
		line = quotes.ReplaceAllString(line, "word")
		for _, m := range call.FindAllStringSubmatch(line, -1) {
			out = append(out, "chancery"+strings.TrimRight(m[1], " "))
		}
	}
	return out
}
