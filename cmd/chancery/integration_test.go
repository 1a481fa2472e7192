package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chancery-dev/chancery/internal/config"
)

// pageCommand is a command of a page, with the output that the page shows.
type pageCommand struct{ text, want string }

// pageCommands reads the console blocks of a page: lines after "$ ", and those that go on
// after a backslash or in a here-document or quotation, which "> " begins.
func pageCommands(page string) []pageCommand {
	var out []pageCommand
	for _, block := range regexp.MustCompile("(?ms)^```console\n(.*?)^```$").FindAllStringSubmatch(page, -1) {
		for line := range strings.Lines(block[1]) {
			switch {
			case strings.HasPrefix(line, "$ "):
				out = append(out, pageCommand{text: line[2:]})
			case strings.HasPrefix(line, "> "):
				out[len(out)-1].text += line[2:]
			default:
				out[len(out)-1].want += line
			}
		}
	}
	return out
}

// shows reports whether an output is what a page shows: … is any text within a line.
func (c pageCommand) shows(output string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(c.want)), "…", ".*")
	return regexp.MustCompile("^" + pattern + "$").MatchString(strings.TrimSpace(output))
}

// runPage runs the commands of a page one after the other in one shell, and compares what
// they print.
func runPage(t *testing.T, page, dir string, env []string) {
	t.Helper()
	for _, tool := range []string{"bash", "curl", "openssl", "unzip"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	commands := pageCommands(string(text))
	const mark = "=====next====="
	var script strings.Builder
	for _, c := range commands {
		script.WriteString(c.text + "\necho; echo " + mark + "\n")
	}
	cmd := exec.Command("bash", "-c", script.String())
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	if err := cmd.Run(); err != nil {
		t.Errorf("%v\n%s", err, b.String())
	}
	outputs := strings.Split(b.String(), mark)
	if len(outputs) != len(commands)+1 {
		t.Fatalf("%d commands, %d outputs\n%s", len(commands), len(outputs)-1, b.String())
	}
	for i, c := range commands {
		if !c.shows(outputs[i]) {
			t.Errorf("$ %s\nexpected:\n%s\nfound:\n%s", c.text, c.want, outputs[i])
		}
	}
}

// withChancery is PATH with the command in it.
func withChancery(t *testing.T) string {
	t.Helper()
	binary, err := chanceryBinary()
	if err != nil {
		t.Fatal(err)
	}
	return "PATH=" + filepath.Dir(binary) + string(filepath.ListSeparator) + os.Getenv("PATH")
}

// TestIntegrationPage runs docs/integration.md against a service.
func TestIntegrationPage(t *testing.T) {
	s := startService(t, "--data", t.TempDir())
	runPage(t, filepath.Join("..", "..", "docs", "integration.md"), t.TempDir(), []string{"URL=" + s.base, "KEY=" + s.key, "NO_COLOR=1", withChancery(t)})
}

// TestDeploymentExample: docs/deployment/chancery.toml is a configuration that loads, and so
// it is with everything in it that is commented out.
func TestDeploymentExample(t *testing.T) {
	name := filepath.Join("..", "..", "docs", "deployment", "chancery.toml")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	secret := func(path string) ([]byte, error) {
		switch path {
		case "/etc/chancery/master.key":
			return []byte("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"), nil
		case "/etc/chancery/rpc1", "/etc/chancery/rpc2":
			return []byte("https://rpc.example/key\n"), nil
		case "/etc/chancery/postgres":
			return []byte("postgres://chancery@db.example/chancery\n"), nil
		}
		return []byte("secret\n"), nil
	}
	c, err := config.Load(config.Source{Name: name, File: text, Read: secret})
	if err != nil {
		t.Fatal(err)
	}
	if c.Public() != "https://credentials.example.edu" || c.Chain.ID != 0 || c.Database.Postgres.Set() || c.Mail.Password.Reveal() != "secret" {
		t.Errorf("found %+v", c)
	}
	all := regexp.MustCompile(`(?m)^# (\[[a-z0-9.]+\]|[a-zA-Z]+ = .*)$`).ReplaceAll(text, []byte("$1"))
	if bytes.Equal(all, text) {
		t.Fatal("nothing is commented out")
	}
	if c, err = config.Load(config.Source{Name: name, File: all, Read: secret}); err != nil {
		t.Fatal(err)
	}
	if c.Chain.ID != 1 || len(c.Chain.RPC) != 2 || !c.Database.Postgres.Set() || c.Blobs.Kind != "s3" {
		t.Errorf("found %+v", c)
	}
}
