package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/config"
)

func deploymentFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "deployment", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestServiceUnit: systemd understands docs/deployment/chancery.service, which leaves the
// process the time that it needs to end.
func TestServiceUnit(t *testing.T) {
	unit := deploymentFile(t, "chancery.service")
	stop := regexp.MustCompile(`(?m)^TimeoutStopSec=(\d+)$`).FindStringSubmatch(unit)
	if stop == nil {
		t.Fatal("no TimeoutStopSec")
	}
	const jobs = 30 * time.Second
	if n, _ := strconv.Atoi(stop[1]); time.Duration(n)*time.Second <= config.Default().Shutdown+jobs {
		t.Errorf("it is killed after %d s, and may take %v for requests and %v for jobs", n, config.Default().Shutdown, jobs)
	}
	program, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed: docs/deployment/chancery.service is not tried")
	}
	binary, err := chanceryBinary()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "chancery.service")
	if err := os.WriteFile(name, []byte(strings.ReplaceAll(unit, "/usr/local/bin/chancery", binary)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "verify", "--man=no", name).CombinedOutput(); err != nil || strings.Contains(string(out), "chancery.service") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestDockerfile: what the image runs is a command of the program, which is built as it says.
func TestDockerfile(t *testing.T) {
	text := deploymentFile(t, "Dockerfile")
	list := func(instruction string) (out []string) {
		line := regexp.MustCompile(`(?m)^` + instruction + ` \[(.*)\]$`).FindStringSubmatch(text)
		if line == nil {
			t.Fatalf("no %s", instruction)
		}
		for _, word := range strings.Split(line[1], ", ") {
			word, err := strconv.Unquote(word)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, word)
		}
		return out
	}
	entry, command := list("ENTRYPOINT"), list("CMD")
	if !strings.Contains(text, "COPY --from=build /chancery "+entry[0]+"\n") || !strings.Contains(text, "-o /chancery ./cmd/chancery") {
		t.Errorf("%s is not what is built", entry[0])
	}
	user := regexp.MustCompile(`(?m)^USER (\d+):(\d+)$`).FindStringSubmatch(text)
	if user == nil || user[1] == "0" || !strings.Contains(text, "--chown="+user[1]+":"+user[2]+" /data /var/lib/chancery\n") || !strings.Contains(text, "VOLUME /var/lib/chancery\n") {
		t.Error("the data directory is not the user's")
	}
	config := filepath.Join(t.TempDir(), "chancery.toml")
	for i, word := range command {
		if word == "/etc/chancery/chancery.toml" {
			command[i] = config
		}
	}
	listen := freePort(t)
	if err := os.WriteFile(config, []byte("data = "+strconv.Quote(t.TempDir())+"\nlisten = "+strconv.Quote(listen)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &served{t: t, listen: listen, base: "http://" + listen, key: "none", log: &lockedBuffer{}, args: command}
	t.Cleanup(s.kill)
	s.start()
	s.stop()
}
