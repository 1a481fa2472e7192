package service_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
)

func (w *world) key(c service.Caller, scopes ...service.Permission) service.APIKey {
	w.t.Helper()
	if len(scopes) == 0 {
		scopes = service.Permissions()
	}
	return must(w.s.CreateKey(w.ctx, c, service.NewKey{Name: "server", Scopes: scopes}, once))(w.t).Value
}

// TestKeys: C2, T9, T11, V1, V15: a key is shown once, scoped, and dead at once when revoked.
func TestKeys(t *testing.T) {
	w := newWorld(t)
	c := w.tenant("north", service.Test)
	k := w.key(c, service.MayIssue, service.MayRead)
	if !strings.HasPrefix(k.Secret, "sk_test_"+k.ID+"_") || len(k.Secret) != len("sk_test_")+10+1+49 {
		t.Fatalf("unexpected key %q", k.Secret)
	}
	who := must(w.s.Authenticate(w.ctx, k.Secret))(t)
	if who.Tenant != "north" || who.Environment != service.Test || who.Actor != "key:"+k.ID || !who.May(service.MayIssue) || who.May(service.MayKeys) {
		t.Errorf("unexpected caller %+v", who)
	}
	me := must(w.s.Me(w.ctx, who))(t)
	if me.Tenant.Name != "Institution north" || len(me.Scopes) != 2 {
		t.Errorf("H17: unexpected %+v", me)
	}
	listed := must(w.s.ListKeys(w.ctx, c, service.Page{}))(t).Items
	if len(listed) != 1 || listed[0].Secret != "" || listed[0].LastUsedAt == nil {
		t.Errorf("unexpected list %+v", listed)
	}
	token := must(w.s.Token(w.ctx, k.ID, k.Secret, nil))(t)
	other := w.again()
	for name, s := range map[string]*service.Service{"here": w.s, "in another process": other} {
		if _, err := s.Authenticate(w.ctx, token.AccessToken); err != nil {
			t.Errorf("token %s: %v", name, err)
		}
	}
	if err := w.s.RevokeKey(w.ctx, c, k.ID); err != nil {
		t.Fatal(err)
	}
	_, err := w.s.Authenticate(w.ctx, k.Secret)
	refused(t, "revoked key", err, service.CodeKey)
	_, err = w.s.Authenticate(w.ctx, token.AccessToken)
	refused(t, "token of a revoked key", err, service.CodeKey)
	w.pass(time.Second)
	_, err = other.Authenticate(w.ctx, k.Secret)
	refused(t, "revoked key in another process", err, service.CodeKey)
	if _, err := w.s.ChangeKey(w.ctx, c, k.ID, service.KeyChange{}); code(err) != service.CodeState {
		t.Errorf("a revoked key was changed: %v", err)
	}
	read := must(w.s.GetKey(w.ctx, c, k.ID))(t)
	if read.Enabled || read.RevokedAt == nil || read.Secret != "" || read.ID != k.ID {
		t.Errorf("a revoked key is read as %+v", read)
	}
	if _, err := w.s.GetKey(w.ctx, w.tenant("south", service.Test), k.ID); code(err) != "API_KEY_NOT_FOUND" {
		t.Errorf("another tenant's key: %v", err)
	}
}

// slowReads lets a test act between a read of the store and what is done with it.
type slowReads struct {
	service.Store
	after func()
}

func (s *slowReads) View(ctx context.Context, f func(service.Tx) error) error {
	err := s.Store.View(ctx, f)
	if after := s.after; after != nil {
		s.after = nil
		after()
	}
	return err
}

// TestRevokedWhileRead: a record that was read before a key was revoked is not kept after it.
func TestRevokedWhileRead(t *testing.T) {
	slow := &slowReads{}
	w := newWorld(t, func(c *service.Config) {
		slow.Store = c.Store
		c.Store = slow
	})
	c := w.tenant("north", service.Test)
	k := w.key(c)
	slow.after = func() {
		if err := w.s.RevokeKey(w.ctx, c, k.ID); err != nil {
			t.Error(err)
		}
	}
	w.s.Authenticate(w.ctx, k.Secret) // was under way while the key was revoked: may go either way
	if slow.after != nil {
		t.Fatal("nothing was read")
	}
	_, err := w.s.Authenticate(w.ctx, k.Secret)
	refused(t, "a key after it was revoked", err, service.CodeKey)
}

// TestSignerReady: another master key is found out before anything is asked of it.
func TestSignerReady(t *testing.T) {
	w := newWorld(t)
	for _, s := range []*service.Service{w.s, w.again()} {
		if err := s.SignerReady(w.ctx); err != nil {
			t.Error(err)
		}
	}
	var err error
	if w.config.Sealer, err = service.NewKeyRing(service.GenerateMasterKey()); err != nil {
		t.Fatal(err)
	}
	if err := w.again().SignerReady(w.ctx); !errors.Is(err, service.ErrSealed) {
		t.Errorf("with another master key: %v", err)
	}
}

// TestTenants: institutions are listed, read and changed by the command line.
func TestTenants(t *testing.T) {
	w := newWorld(t)
	w.tenant("south", service.Test)
	w.tenant("north", service.Test)
	all := must(w.s.Tenants(w.ctx))(t)
	if len(all) != 2 || all[0].ID != "north" || all[1].Name != "Institution south" || !all[0].VerificationLog || all[0].CreatedAt.IsZero() {
		t.Errorf("unexpected %+v", all)
	}
	name, off := "North", false
	changed := must(w.s.ChangeTenant(w.ctx, "north", service.TenantChange{Name: &name, VerificationLog: &off}))(t)
	if read := must(w.s.Tenant(w.ctx, "north"))(t); read != changed || read.Name != "North" || read.VerificationLog {
		t.Errorf("unexpected %+v and %+v", read, changed)
	}
	if read := must(w.s.Tenant(w.ctx, "south"))(t); read != all[1] {
		t.Errorf("another institution was changed: %+v", read)
	}
	must(w.s.ChangeTenant(w.ctx, "north", service.TenantChange{}))(t)
	bad := "two\nlines"
	_, err := w.s.ChangeTenant(w.ctx, "north", service.TenantChange{Name: &bad})
	refused(t, "a name of two lines", err, service.CodeValidation)
	_, err = w.s.ChangeTenant(w.ctx, "nobody", service.TenantChange{Name: &name})
	refused(t, "an institution that is not there", err, "TENANT_NOT_FOUND")
	_, err = w.s.Tenant(w.ctx, "nobody")
	refused(t, "an institution that is not there", err, "TENANT_NOT_FOUND")
}

// TestEnvironments: an environment that is not offered has no keys.
func TestEnvironments(t *testing.T) {
	w := newWorld(t)
	c := w.tenant("north", service.Test)
	k := w.key(c)
	token := must(w.s.Token(w.ctx, k.ID, k.Secret, nil))(t)
	live := must(w.s.CreateFirstKey(w.ctx, service.Scope{Tenant: "north", Environment: service.Live}, service.NewKey{Name: "x", Scopes: service.Permissions()}))(t)
	w.config.Environments = []service.Environment{service.Live}
	only := w.again()
	for name, text := range map[string]string{"key": k.Secret, "token": token.AccessToken} {
		_, err := only.Authenticate(w.ctx, text)
		refused(t, name+" of an environment that is not offered", err, service.CodeKey)
	}
	_, err := only.Token(w.ctx, k.ID, k.Secret, nil)
	refused(t, "token for such a key", err, service.CodeKey)
	_, err = only.CreateFirstKey(w.ctx, c.Scope, service.NewKey{Name: "x", Scopes: service.Permissions()})
	refused(t, "such a key", err, service.CodeValidation)
	must(only.Authenticate(w.ctx, live.Secret))(t)
	must(only.CreateFirstKey(w.ctx, service.Scope{Tenant: "north", Environment: service.Live}, service.NewKey{Name: "x", Scopes: service.Permissions()}))(t)
}

// TestKeyForms: C3: what is not exactly a key is none.
func TestKeyForms(t *testing.T) {
	w := newWorld(t)
	c := w.tenant("north", service.Test)
	k, second := w.key(c), w.key(c)
	good := k.Secret
	swapped := good[:len(good)-49] + second.Secret[len(second.Secret)-49:]
	last := byte('0')
	if good[len(good)-1] == '0' {
		last = '1'
	}
	for name, text := range map[string]string{
		"empty": "", "prefix": "sk_test_", "cut": good[:len(good)-1], "longer": good + "0", "space": " " + good, "quotes": `"` + good + `"`,
		"checksum": good[:len(good)-1] + string(last), "other environment": strings.Replace(good, "sk_test_", "sk_live_", 1),
		"other key's secret": swapped, "lower case": strings.ToLower(good), "unknown": strings.Replace(good, k.ID, "AAAAAAAAAA", 1),
		"newline": good + "\n", "NUL": good[:20] + "\x00" + good[21:],
	} {
		if _, err := w.s.Authenticate(w.ctx, text); code(err) != service.CodeKey {
			t.Errorf("%s: expected %s, found %v", name, service.CodeKey, err)
		}
	}
	if _, err := w.s.Authenticate(w.ctx, good); err != nil {
		t.Error(err)
	}
}

// TestKeyLife: T11: keys end, rest and come back.
func TestKeyLife(t *testing.T) {
	w := newWorld(t)
	c := w.tenant("north", service.Test)
	end := w.clock().Add(time.Hour)
	k := must(w.s.CreateKey(w.ctx, c, service.NewKey{Name: "x", Scopes: []service.Permission{service.MayRead}, ExpiresAt: &end}, once))(t).Value
	off, on := false, true
	must(w.s.ChangeKey(w.ctx, c, k.ID, service.KeyChange{Enabled: &off}))(t)
	_, err := w.s.Authenticate(w.ctx, k.Secret)
	refused(t, "disabled", err, service.CodeKey)
	weak := c
	weak.Permissions = []service.Permission{service.MayKeys}
	_, err = w.s.ChangeKey(w.ctx, weak, k.ID, service.KeyChange{Enabled: &on})
	refused(t, "enabled by a weaker key", err, service.CodeScope)
	must(w.s.ChangeKey(w.ctx, c, k.ID, service.KeyChange{Enabled: &on}))(t)
	must(w.s.Authenticate(w.ctx, k.Secret))(t)
	w.pass(time.Hour)
	_, err = w.s.Authenticate(w.ctx, k.Secret)
	refused(t, "expired", err, service.CodeTokenExpired)
	for name, in := range map[string]service.NewKey{
		"name": {Scopes: []service.Permission{service.MayRead}}, "scopes": {Name: "x"},
		"scopes[0]": {Name: "x", Scopes: []service.Permission{"all"}}, "expiresAt": {Name: "x", Scopes: []service.Permission{service.MayRead}, ExpiresAt: &end},
	} {
		_, err := w.s.CreateKey(w.ctx, c, in, once)
		refused(t, name, err, service.CodeValidation, name)
	}
	_, err = w.s.CreateKey(w.ctx, weak, service.NewKey{Name: "x", Scopes: []service.Permission{service.MayErase}}, once)
	refused(t, "more than one's own", err, service.CodeValidation, "scopes[0]")
}

// TestTokens: D14, T9: tokens hold an hour, for fewer scopes, and for this installation.
func TestTokens(t *testing.T) {
	w := newWorld(t)
	c := w.tenant("north", service.Test)
	k := w.key(c, service.MayIssue, service.MayRead)
	secret := k.Secret[strings.LastIndexByte(k.Secret, '_')+1:]
	for _, s := range []string{k.Secret, secret} {
		if _, err := w.s.Token(w.ctx, k.ID, s, nil); err != nil {
			t.Errorf("token: %v", err)
		}
	}
	got := must(w.s.Token(w.ctx, k.ID, k.Secret, []service.Permission{service.MayRead}))(t)
	if got.TokenType != "Bearer" || got.ExpiresIn != 3600 || got.Scope != "read" {
		t.Errorf("unexpected %+v", got)
	}
	who := must(w.s.Authenticate(w.ctx, got.AccessToken))(t)
	if who.May(service.MayIssue) || !who.May(service.MayRead) || who.Scope != c.Scope {
		t.Errorf("unexpected caller %+v", who)
	}
	other := w.key(c)
	for name, call := range map[string]func() error{
		"more scopes": func() error {
			_, err := w.s.Token(w.ctx, k.ID, k.Secret, []service.Permission{service.MayKeys})
			return err
		},
		"other id":       func() error { _, err := w.s.Token(w.ctx, other.ID, k.Secret, nil); return err },
		"wrong secret":   func() error { _, err := w.s.Token(w.ctx, k.ID, secret[:48]+"x", nil); return err },
		"unknown client": func() error { _, err := w.s.Token(w.ctx, "nobody", secret, nil); return err },
	} {
		if err := call(); code(err) != service.CodeKey && code(err) != service.CodeScope {
			t.Errorf("%s: %v", name, err)
		}
	}
	parts := strings.Split(got.AccessToken, ".")
	b64 := base64.RawURLEncoding.EncodeToString
	payload := must(base64.RawURLEncoding.DecodeString(parts[1]))(t)
	stronger := b64([]byte(strings.Replace(string(payload), `"read"`, `"issue keys"`, 1)))
	for name, text := range map[string]string{
		"changed claims": parts[0] + "." + stronger + "." + parts[2],
		"alg none":       b64([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + parts[1] + ".",
		"HS256":          b64([]byte(`{"alg":"HS256","typ":"at+jwt"}`)) + "." + parts[1] + "." + parts[2],
		"own key":        b64([]byte(`{"alg":"EdDSA","jwk":{}}`)) + "." + parts[1] + "." + parts[2],
		"two parts":      parts[0] + "." + parts[1],
		"four parts":     got.AccessToken + ".x",
		"padding":        got.AccessToken + "=",
		"nothing":        "..",
		"long":           strings.Repeat("a", 5000),
	} {
		_, err := w.s.Authenticate(w.ctx, text)
		refused(t, name, err, service.CodeKey)
	}
	w.config.BaseURL = "https://elsewhere.example"
	_, err := w.again().Authenticate(w.ctx, got.AccessToken)
	refused(t, "another installation on the same store", err, service.CodeKey)
	w.pass(time.Hour)
	_, err = w.s.Authenticate(w.ctx, got.AccessToken)
	refused(t, "expired", err, service.CodeTokenExpired)
}

// TestLastUsed: it is written down from time to time, not at every request.
func TestLastUsed(t *testing.T) {
	w := newWorld(t)
	c := w.tenant("north", service.Test)
	k := w.key(c)
	must(w.s.Authenticate(w.ctx, k.Secret))(t)
	other := w.again()
	if seen := must(other.ListKeys(w.ctx, c, service.Page{}))(t).Items[0]; seen.LastUsedAt != nil {
		t.Error("written at once")
	}
	if err := w.s.Flush(w.ctx); err != nil {
		t.Fatal(err)
	}
	if seen := must(other.ListKeys(w.ctx, c, service.Page{}))(t).Items[0]; seen.LastUsedAt == nil || !seen.LastUsedAt.Equal(w.clock()) {
		t.Errorf("not written: %+v", seen)
	}
}

// TestFirstKey: V1, T12: the command line needs no caller, but a tenant.
func TestFirstKey(t *testing.T) {
	w := newWorld(t)
	in := service.NewKey{Name: "first", Scopes: service.Permissions()}
	_, err := w.s.CreateFirstKey(w.ctx, service.Scope{Tenant: "nobody", Environment: service.Test}, in)
	if !service.IsNotFound(err) {
		t.Errorf("a key of no tenant: %v", err)
	}
	must(w.s.CreateTenant(w.ctx, "north", "North"))(t)
	_, err = w.s.CreateTenant(w.ctx, "north", "Again")
	refused(t, "twice", err, service.CodeDuplicate)
	_, err = w.s.CreateTenant(w.ctx, "North!", "")
	refused(t, "bad", err, service.CodeValidation, "id", "name")
	_, err = w.s.CreateFirstKey(w.ctx, service.Scope{Tenant: "north"}, in)
	refused(t, "no environment", err, service.CodeValidation, "environment")
	k := must(w.s.CreateFirstKey(w.ctx, service.Scope{Tenant: "north", Environment: service.Live}, in))(t)
	if who := must(w.s.Authenticate(w.ctx, k.Secret))(t); who.Environment != service.Live {
		t.Errorf("unexpected %+v", who)
	}
}

// TestKeyRing: values open with their context and their key only, old keys included.
func TestKeyRing(t *testing.T) {
	old, next := service.GenerateMasterKey(), service.GenerateMasterKey()
	ring := must(service.NewKeyRing(old))(t)
	sealed := must(ring.Seal([]byte("secret"), "place"))(t)
	twice := must(ring.Seal([]byte("secret"), "place"))(t)
	if string(sealed) == string(twice) || strings.Contains(string(sealed), "secret") {
		t.Error("sealing is not randomised")
	}
	rotated := must(service.NewKeyRing(next, old))(t)
	if got := must(rotated.Open(sealed, "place"))(t); string(got) != "secret" {
		t.Errorf("found %q", got)
	}
	fresh := must(rotated.Seal([]byte("secret"), "place"))(t)
	if _, err := ring.Open(fresh, "place"); !errors.Is(err, service.ErrSealed) {
		t.Errorf("opened without its key: %v", err)
	}
	if _, err := ring.Open(sealed, "elsewhere"); !errors.Is(err, service.ErrSealed) {
		t.Errorf("opened elsewhere: %v", err)
	}
	for i := range sealed {
		changed := append([]byte(nil), sealed...)
		changed[i] ^= 1
		if _, err := ring.Open(changed, "place"); !errors.Is(err, service.ErrSealed) {
			t.Fatalf("opened with byte %d changed: %v", i, err)
		}
		if _, err := ring.Open(sealed[:i], "place"); !errors.Is(err, service.ErrSealed) {
			t.Fatalf("opened cut to %d bytes: %v", i, err)
		}
	}
	if _, err := service.NewKeyRing(service.MasterKey{}); err == nil {
		t.Error("a key of zeros was taken")
	}
}
