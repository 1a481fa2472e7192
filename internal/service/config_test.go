package service_test

import (
	"testing"

	"github.com/chancery-dev/chancery/internal/service"
)

func second[T any](_ T, err error) error { return err }

// TestConfig: what is missing or unsafe is refused.
func TestConfig(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*service.Config){
		"store": func(c *service.Config) { c.Store = nil }, "blobs": func(c *service.Config) { c.Blobs = nil },
		"sealer": func(c *service.Config) { c.Sealer = nil }, "clock": func(c *service.Config) { c.Clock = nil },
		"no URL": func(c *service.Config) { c.BaseURL = "" }, "bare http": func(c *service.Config) { c.BaseURL = "http://chancery.example" },
		"query": func(c *service.Config) { c.BaseURL = base + "?x" }, "user": func(c *service.Config) { c.BaseURL = "https://a@chancery.example" },
	} {
		config := w.config
		change(&config)
		if _, err := service.New(config); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	for _, ok := range []string{"http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:1", "https://a.example/path/"} {
		config := w.config
		config.BaseURL = ok
		if _, err := service.New(config); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
}
