package serving_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/config"
	"github.com/chancery-dev/chancery/internal/service"
)

// shared makes configurations of processes that share a database.
func shared(t *testing.T, text string) func(more string) *config.Config {
	t.Helper()
	c, err := pgx.ParseConfig(pgServer.Database(t, "", nil))
	if err != nil {
		t.Fatal(err)
	}
	// The host is the directory of a socket, which the host of a URL cannot be.
	dsn := &url.URL{Scheme: "postgres", User: url.UserPassword(c.User, c.Password), Path: "/" + c.Database,
		RawQuery: url.Values{"host": {c.Host}, "port": {strconv.Itoa(int(c.Port))}}.Encode()}
	key := service.GenerateMasterKey()
	secrets := fmt.Sprintf("masterKey = %q\n", base64.StdEncoding.EncodeToString(key[:]))
	database := fmt.Sprintf("[database]\npostgres = %q\n", dsn.String())
	settings := map[string]string{"data": t.TempDir()}
	return func(more string) *config.Config {
		t.Helper()
		c, err := config.Load(config.Source{Name: "test.toml", File: []byte(secrets + more + database + text), Settings: settings})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// TestStartAtOnce: processes that start on a new database at the same time all serve, with
// one issuer for each instance of the W3C plane, and one of them shows the first key.
func TestStartAtOnce(t *testing.T) {
	const processes = 4
	for range 3 {
		with := shared(t, "[[vcalm]]\nname = \"plane\"\n")
		var all [processes]*serving.Installation
		var keys [processes]string
		var wg, opened sync.WaitGroup
		opened.Add(processes)
		for n := range processes {
			c := with("")
			wg.Go(func() {
				in, err := serving.Open(t.Context(), c, serving.Options{Now: time.Now, Stderr: io.Discard})
				opened.Done()
				if err != nil {
					t.Errorf("process %d: %v", n, err)
					return
				}
				all[n] = in
				opened.Wait()
				if keys[n], err = in.FirstKey(t.Context()); err != nil {
					t.Errorf("process %d: first key: %v", n, err)
				}
			})
		}
		wg.Wait()
		shown := 0
		for n, in := range all {
			if in == nil {
				continue
			}
			if keys[n] != "" {
				shown++
			}
			scope := service.Scope{Tenant: "w3c", Environment: service.Live}
			list, err := in.Core.ListIssuers(t.Context(), service.System(scope), service.Page{})
			if err != nil || len(list.Items) != 1 {
				t.Errorf("expected one issuer, found %v, %v", list.Items, err)
			}
			if err := in.Close(); err != nil {
				t.Error(err)
			}
		}
		if shown != 1 {
			t.Errorf("the first key was shown %d times", shown)
		}
	}
}
