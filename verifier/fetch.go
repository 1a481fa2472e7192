package verifier

import (
	"fmt"
	"slices"
	"strings"
)

// offline tells whether no source is configured that could dial.
func (v *Verifier) offline() bool {
	return v.cfg.Keys == nil && v.cfg.Status == nil && v.cfg.Documents == nil
}

// pinned returns the copy of a document in the trust file.
func (v *Verifier) pinned(url string, kinds ...string) (Document, bool) {
	for _, k := range kinds {
		if i, ok := v.cfg.Trust.docs[k+" "+url]; ok {
			d := v.cfg.Trust.Documents[i]
			return Document{URL: url, Bytes: d.Document, FetchedAt: d.FetchedAt}, true
		}
	}
	for _, d := range v.beside {
		if d.URL == url && slices.Contains(kinds, d.Kind) {
			return Document{URL: url, Bytes: d.Document, FetchedAt: d.FetchedAt, brought: true}, true
		}
	}
	return Document{}, false
}

// maxFetches bounds how often sources are asked for one document and all that is in
// it: a record of a thousand badges could else be made to ask for thousands of lists.
const maxFetches = 256

// ask asks a source, within the bound. Answers that a source has cached count too.
func (c *run) ask(present bool, fetch func() (Document, error)) (Document, error) {
	switch {
	case !present:
		return Document{}, ErrNotHeld
	case c.work.fetches <= 0:
		return Document{}, fmt.Errorf("%w: more than %d documents were asked for", ErrUnreachable, maxFetches)
	}
	c.work.fetches--
	return fetch()
}

// maxRead bounds the bytes of documents from elsewhere that are parsed for one document
// and all in it: keys, lists, schemas. Those that the trust file pins, or that came with
// the document, count as well: they are not fetched, and a hostile document can name them
// a thousand times.
const maxRead = 128 << 20

// read counts a document that is about to be parsed; weight is how much slower than plain
// JSON its kind is.
func (c *run) read(d Document, err error, weight int) (Document, error) {
	if err != nil {
		return d, err
	}
	if !c.mayRead(weight * len(d.Bytes)) {
		return Document{}, fmt.Errorf("%w: too many documents, or too large ones, were to be read", ErrUnreachable)
	}
	return d, nil
}

func (c *run) mayRead(bytes int) bool {
	c.work.read -= bytes
	return c.work.read >= 0
}

// controllerDocument finds the document of a DID or an https URL. A pinned copy is
// used before any source is asked.
func (c *run) controllerDocument(url string) (Document, error) {
	if d, ok := c.v.pinned(url, KindController); ok {
		return c.read(d, nil, 4)
	}
	d, err := c.ask(c.v.cfg.Keys != nil, func() (Document, error) { return c.v.cfg.Keys.Controller(c.ctx, url) })
	return c.read(d, err, 4)
}

// keySet finds the JWKS of an authority.
func (c *run) keySet(authority string) (Document, error) {
	if d, ok := c.v.pinned("https://"+authority+"/.well-known/jwks.json", KindJWKS); ok {
		return c.read(d, nil, 4)
	}
	d, err := c.ask(c.v.cfg.Keys != nil, func() (Document, error) { return c.v.cfg.Keys.JWKS(c.ctx, authority) })
	return c.read(d, err, 4)
}

func (c *run) statusDocument(url string) (Document, error) {
	if d, ok := c.v.pinned(url, KindStatusList); ok {
		return c.read(d, nil, 1)
	}
	d, err := c.ask(c.v.cfg.Status != nil, func() (Document, error) { return c.v.cfg.Status.StatusList(c.ctx, url) })
	return c.read(d, err, 1)
}

// unsignedList finds a list of revoked documents that nobody has signed. A copy that came
// with the document that is judged is the word of whoever made that up.
func (c *run) unsignedList(url string) (Document, error) {
	d, err := c.statusDocument(url)
	if err == nil && d.brought {
		return Document{}, ErrNotHeld
	}
	return d, err
}

func (c *run) otherDocument(url, kind string) (Document, error) {
	if d, ok := c.v.pinned(url, kind); ok {
		return c.read(d, nil, 1)
	}
	d, err := c.ask(c.v.cfg.Documents != nil && strings.HasPrefix(url, "https://"), func() (Document, error) { return c.v.cfg.Documents.Document(c.ctx, url) })
	return c.read(d, err, 1)
}
