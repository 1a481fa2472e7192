package vcalm_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/internal/service/vcalm"
	"github.com/chancery-dev/chancery/signer"
	"github.com/chancery-dev/chancery/testvectors"
	"github.com/chancery-dev/chancery/verifier"
)

const allVP = `"returnResults":true,"returnProblemDetails":true,"returnPresentation":true`

func (w *world) challenge() string {
	w.t.Helper()
	return shape(w.t, "challenge", w.want(200, "POST", "/vc/eddsa/challenges", "")).str("challenge")
}

// holds puts credentials into a presentation that is about to be signed.
func holds(credentials ...string) func(*signer.DataIntegrity, *string) {
	return func(_ *signer.DataIntegrity, s *string) {
		*s = strings.TrimSuffix(*s, "}") + `,"verifiableCredential":[` + strings.Join(credentials, ",") + `]}`
	}
}

// TestPresentation: a presentation is judged with the credentials in it.
func TestPresentation(t *testing.T) {
	w := newWorld(t)
	holder := newWallet(t, 1)
	vc, jwt := w.issue("p256", `"name":"Somebody"`), w.issue("jwt")
	c := w.challenge()
	text := w.presents(holder, c, "shop.example", holds(vc, jwt))
	got := shape(t, "presentation", w.want(200, "POST", "/vc/eddsa/presentations/verify", `{"verifiablePresentation":`+text+`,"options":{`+allVP+`,"challenge":"`+c+`","domain":"shop.example"}}`))
	for _, path := range [][]string{{"challenge", "verified"}, {"domain", "verified"}, {"holder", "verified"}} {
		if got.at(append([]string{"results", "presentation"}, path...)...) != true {
			t.Errorf("%v: %s", path, got.text)
		}
	}
	if got.at("verified") != true || got.raw(t, "verifiablePresentation") != text || len(got.at("results", "credentials").([]any)) != 2 {
		t.Errorf("%s", got.text)
	}
	for i, name := range []string{"validFrom", "proof"} { // of each credential; an envelope has none
		one, _ := got.at("results", "credentials").([]any)[0].(map[string]any)["results"].(map[string]any)
		if (one[name] != nil) != (i == 1) || len(one["credentialStatus"].([]any)) != 1 {
			t.Errorf("%s of %v", name, one)
		}
	}
	// The results are there unless they are declined, the presentation where it is asked for.
	for options, want := range map[string]int{``: 3, `,"returnResults":false`: 2, `,"returnResults":false,"returnProblemDetails":false`: 1, `,"returnPresentation":true`: 4, `,"returnPresentation":false`: 3} {
		c = w.challenge()
		text = w.presents(holder, c, "", holds(vc))
		if got := shape(t, "presentation", w.want(200, "POST", "/vc/eddsa/presentations/verify", `{"verifiablePresentation":`+text+`,"options":{"challenge":"`+c+`"`+options+`}}`)); len(got.at().(map[string]any)) != want {
			t.Errorf("%s: %s", options, got.text)
		}
	}
	// A changed credential within a good presentation.
	c = w.challenge()
	text = w.presents(holder, c, "", holds(strings.Replace(vc, "Somebody", "Somebodi", 1)))
	got = shape(t, "presentation", w.want(400, "POST", "/vc/eddsa/presentations/verify", `{"verifiablePresentation":`+text+`,"options":{`+allVP+`,"challenge":"`+c+`"}}`))
	if one := got.at("results", "credentials").([]any)[0].(map[string]any); one["verified"] != false || got.at("verified") != false {
		t.Errorf("%s", got.text)
	}
}

// TestPresentationFails: with both settings of failureStatus.
func TestPresentationFails(t *testing.T) {
	w := newWorld(t)
	holder, thief := newWallet(t, 1), newWallet(t, 2)
	good := w.presents(holder, "c1", "shop.example")
	for name, tt := range map[string]struct{ text, options, problem string }{
		"another challenge":        {good, `"challenge":"c2"`, "INVALID_CHALLENGE_ERROR"},
		"another domain":           {good, `"challenge":"c1","domain":"attacker.example"`, "INVALID_DOMAIN_ERROR"},
		"another holder":           {strings.Replace(good, `"holder":"`+holder.did, `"holder":"`+thief.did, 1), `"challenge":"c1"`, "ERROR"},
		"no proof":                 {`{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiablePresentation"]}`, ``, "ERROR"},
		"empty":                    {`{}`, ``, "ERROR"},
		"two proofs, one bad":      {strings.Replace(good, `"proof":{`, `"proof":[{"type":"DataIntegrityProof","cryptosuite":"eddsa-rdfc-2022","proofPurpose":"authentication","verificationMethod":"`+holder.key.Method+`","proofValue":"z2"},{`, 1), ``, "ERROR"},
		"made for another purpose": {w.presents(holder, "c1", "", func(d *signer.DataIntegrity, _ *string) { d.Purpose = "assertionMethod" }), `"challenge":"c1"`, "ERROR"},
	} {
		if name == "two proofs, one bad" {
			tt.text = strings.TrimSuffix(tt.text, "}") + "]}"
		}
		for instance, want := range map[string]int{"eddsa": 400, "eddsa-200": 200} {
			options := strings.Trim(allVP+","+tt.options, ",")
			a := w.do("POST", "/vc/"+instance+"/presentations/verify", `{"verifiablePresentation":`+tt.text+`,"options":{`+options+`}}`)
			if a.status != want || a.at("verified") != false || !strings.Contains(a.raw(t, "problemDetails"), tt.problem) {
				t.Errorf("%s: %d %s", name, a.status, a.text)
				continue
			}
			shape(t, "presentation", a)
		}
	}
	// Both settings, for credentials.
	bad := strings.Replace(w.issue("eddsa", `"name":"Somebody"`), "Somebody", "Somebodi", 1)
	for instance, want := range map[string]int{"eddsa": 400, "eddsa-200": 200} {
		if a := w.do("POST", "/vc/"+instance+"/credentials/verify", `{"verifiableCredential":`+bad+`}`); a.status != want || a.at("verified") != false {
			t.Errorf("%s: %d %s", instance, a.status, a.text)
		}
		w.want(400, "POST", "/vc/"+instance+"/credentials/verify", `{"verifiableCredential":5}`)
	}
}

// TestPresentationOfNobody: of a holder that a presentation does not name there is no result.
func TestPresentationOfNobody(t *testing.T) {
	w := newWorld(t)
	holder := newWallet(t, 1)
	for name, named := range map[string]bool{"holder": true, "nobody": false} {
		text := w.presents(holder, "c", "", func(_ *signer.DataIntegrity, s *string) {
			if !named {
				*s = strings.Replace(*s, `,"holder":"`+holder.did+`"`, "", 1)
			}
		})
		a := w.want(200, "POST", "/vc/eddsa/presentations/verify", `{"verifiablePresentation":`+text+`,"options":{"challenge":"c"}}`)
		if result := a.at("results", "presentation", "holder"); a.at("verified") != true || (result != nil) != named || named && a.at("results", "presentation", "holder", "verified") != true {
			t.Errorf("%s: %s", name, a.text)
		}
	}
}

// TestEmptyOptions: a challenge, domain or id that is empty is one that its caller has lost,
// not one that he does not ask for.
func TestEmptyOptions(t *testing.T) {
	w := newWorld(t)
	holder := newWallet(t, 1)
	for _, proof := range []string{"", "c"} {
		text := w.presents(holder, proof, "")
		for _, o := range []string{`"challenge":""`, `"domain":""`, `"challenge":"c","domain":""`, `"domain":"chancery.example","challenge":""`} {
			if a := w.do("POST", "/vc/eddsa/presentations/verify", `{"verifiablePresentation":`+text+`,"options":{`+o+`}}`); a.status != 400 || !strings.Contains(a.str("detail"), "that is not empty") {
				t.Errorf("%s: %d %s", o, a.status, a.text)
			}
		}
	}
	w.want(400, "POST", "/vc/eddsa/credentials/issue", `{"credential":`+unsigned(w.dids["eddsa"])+`,"options":{"credentialId":""}}`)
}

// TestVCALM_T11_T14_ChallengeOnce: a challenge of ours is good for one presentation, for a while.
func TestVCALM_T11_T14_ChallengeOnce(t *testing.T) {
	w := newWorld(t)
	holder := newWallet(t, 1)
	verify := func(text, c string) answer {
		return w.do("POST", "/vc/eddsa/presentations/verify", `{"verifiablePresentation":`+text+`,"options":{`+allVP+`,"challenge":"`+c+`"}}`)
	}
	c, d := w.challenge(), w.challenge()
	if c == d || len(c) != 67 {
		t.Fatalf("challenges %s and %s", c, d)
	}
	text := w.presents(holder, c, "")
	// A presentation that fails does not use it up: otherwise anybody who saw it could.
	if a := verify(strings.Replace(text, holder.did, newWallet(t, 2).did, 1), c); a.at("verified") != false {
		t.Errorf("%s", a.text)
	}
	if a := verify(text, c); a.at("verified") != true {
		t.Errorf("first: %s", a.text)
	}
	a := verify(text, c)
	if a.status != 400 || a.at("verified") != false || !strings.Contains(a.text, "INVALID_CHALLENGE_ERROR") || a.at("results", "presentation", "challenge", "verified") != false {
		t.Errorf("again: %d %s", a.status, a.text)
	}
	late := w.presents(holder, d, "")
	w.pass(16 * time.Minute)
	if a := verify(late, d); a.at("verified") != false {
		t.Errorf("late: %s", a.text)
	}
	// Nor later, when nothing is kept of it any more, nor as one of another institution.
	w.pass(3 * time.Hour)
	jobs, _ := w.plane.Jobs()
	must(0, jobs[vcalm.JobClean](w.ctx, service.Run{}))(t)
	of := w.want(200, "POST", "/vc/"+w.issuer+"/challenges", "", "key", w.key(w.north)).str("challenge")
	for name, one := range map[string][2]string{"used": {text, c}, "too old": {late, d}, "of others": {w.presents(holder, of, ""), of}} {
		if a := verify(one[0], one[1]); a.at("verified") != false || !strings.Contains(a.text, "INVALID_CHALLENGE_ERROR") {
			t.Errorf("%s: %s", name, a.text)
		}
	}
	// Of challenges that others drew nothing is known: the caller sees to it.
	own := w.presents(holder, "drawn-elsewhere", "")
	for range 2 {
		if a := verify(own, "drawn-elsewhere"); a.at("verified") != true {
			t.Errorf("%s", a.text)
		}
	}
	// Sixteen at once: one.
	c = w.challenge()
	text = w.presents(holder, c, "")
	var wg sync.WaitGroup
	var mu sync.Mutex
	good := 0
	for range 16 {
		wg.Go(func() {
			if verify(text, c).at("verified") == true {
				mu.Lock()
				good++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if good != 1 {
		t.Errorf("%d of 16 presentations with one challenge were good", good)
	}
}

// TestVectors: the positive control beside the W3C's suites, which measure refusal better:
// what the specifications sign, the plane verifies under the profile conformance, and
// without it refuses, since their keys are not the issuer's.
func TestVectors(t *testing.T) {
	w, strict := newWorldOf(t, verifier.ProfileConformance), newWorld(t)
	n := 0
	for _, set := range []string{"vc-di-eddsa", "vc-di-ecdsa"} {
		root := testvectors.Shared(t, "w3c", set, "TestVectors")
		err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
			name := e.Name()
			if err != nil || e.IsDir() || !strings.HasPrefix(name, "signed") || !strings.HasSuffix(name, ".json") || strings.Contains(path, "ecdsa-sd-2023") {
				return err
			}
			text := string(must(os.ReadFile(path))(t))
			a := w.do("POST", "/vc/eddsa/credentials/verify", `{"verifiableCredential":`+text+all+`}`)
			if a.status != 200 || a.at("verified") != true {
				t.Errorf("%s: %d %.600s", filepath.Base(filepath.Dir(path))+"/"+name, a.status, a.raw(t, "problemDetails"))
			}
			if a := strict.do("POST", "/vc/eddsa/credentials/verify", `{"verifiableCredential":`+text+all+`}`); a.status != 400 || !strings.Contains(a.text, "issuer_mismatch") {
				t.Errorf("%s without the profile: %d %s", name, a.status, a.text)
			}
			for was, is := range map[string]string{"Alumni": "Alumnus", "proofValue\": \"z": "proofValue\": \"z2", "2023-": "2022-"} {
				if !strings.Contains(text, was) {
					continue
				}
				if a := w.do("POST", "/vc/eddsa/credentials/verify", `{"verifiableCredential":`+strings.Replace(text, was, is, 1)+`}`); a.status != 400 {
					t.Errorf("%s with %s: %d %s", name, is, a.status, a.text)
				}
			}
			n++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n < 8 {
		t.Errorf("%d vectors only", n)
	}
	t.Logf("%d vectors", n)
}
