package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery"
	"github.com/chancery-dev/chancery/internal/strictjson"
	"github.com/chancery-dev/chancery/signer"
)

const maxStateFile = 64 << 20

// statusFile is a status list with the file that keeps its state.
type statusFile struct {
	name string
	list *signer.StatusList
	read []byte // what the file held, nil for a new one
}

func (c *cli) openStatus(name string) (*statusFile, error) {
	b, err := c.read(name, maxStateFile)
	if err != nil {
		return nil, err
	}
	list, err := signer.ReadStatusList(b, nil)
	if err != nil {
		return nil, invalidError{fmt.Errorf("%s: %w", name, err)}
	}
	return &statusFile{name: name, list: list, read: b}, nil
}

// save writes the state, unless another process has changed it since it was read: what
// that one gave out or revoked would be undone.
func (s *statusFile) save(c *cli) error {
	b, err := s.list.MarshalBinary()
	if err != nil {
		return err
	}
	lock := s.name + ".lock"
	f, err := os.OpenFile(lock, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return hintError{fmt.Errorf("%s: another process is writing the list; nothing was changed", s.name), "try again; where no other process runs, remove " + lock}
	}
	if err != nil {
		return fileError(err)
	}
	defer os.Remove(lock)
	defer f.Close()
	if s.read != nil {
		now, err := c.read(s.name, maxStateFile)
		if err != nil {
			return err
		}
		if !bytes.Equal(now, s.read) {
			return hintError{fmt.Errorf("%s: the list was changed by another process; nothing was changed", s.name), "try again"}
		}
	}
	return c.replace(s.name, b, 0o600)
}

// allocate gives a credential an entry in a status list. The list is to be saved
// before the credential is written.
func (c *cli) allocate(name string, credential *chancery.Credential) (*statusFile, *chancery.Credential, error) {
	s, err := c.openStatus(name)
	if err != nil {
		return nil, nil, err
	}
	index, err := s.list.Allocate()
	if err != nil {
		return nil, nil, err
	}
	entry, err := s.list.EntryText(index)
	if err != nil {
		return nil, nil, err
	}
	doc := credential.Document()
	text := string(entry)
	if present := doc.Get(0, "credentialStatus"); present != strictjson.None {
		var all []string
		doc.Each(present, func(n strictjson.Node) bool { all = append(all, doc.Raw(n)); return true })
		text = "[" + strings.Join(append(all, text), ",") + "]"
	}
	credential, err = chancery.Parse(doc.Rewrite(0, []strictjson.Member{{Name: "credentialStatus", Value: text}}))
	return s, credential, err
}

func (c *cli) statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Keep status lists: revoke, suspend, publish",
		Long: `A status list is kept in a state file: which entries are given out, and the status
of each. "issue --status STATE" gives a credential an entry, chosen at random and
never twice; revoke, reinstate or set change it; publish signs the list for the web.`,
		Example: `  chancery status new revocation.state --id https://university.example/status/1
  chancery issue --key key/key.pem --status revocation.state draft.json -o credential.json
  chancery status revoke revocation.state credential.json
  chancery status publish revocation.state --key key/key.pem --valid-for 24h -o 1.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return hintError{usagef("unknown command %q for status", args[0]), "run 'chancery status --help' for the commands"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.statusNewCommand(), c.statusAllocateCommand(), c.statusShowCommand(), c.statusPublishCommand(),
		c.statusSetCommand("revoke STATE INDEX|CREDENTIAL", "Revoke a credential", "revocation", 1),
		c.statusSetCommand("suspend STATE INDEX|CREDENTIAL", "Suspend a credential, in a list for suspension", "suspension", 1),
		c.statusSetCommand("reinstate STATE INDEX|CREDENTIAL", "End a suspension", "suspension", 0),
		c.statusSetCommand("set STATE INDEX|CREDENTIAL VALUE", "Set the status of an entry in a list of messages", "", -1))
	return cmd
}

func (c *cli) statusNewCommand() *cobra.Command {
	config := signer.StatusConfig{}
	var messages []string
	cmd := &cobra.Command{
		Use:   "new STATE --id URL",
		Short: "Begin a status list",
		Args:  exactly(1, "a state file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if config.ID == "" {
				return usagef("expected --id, the https URL at which the list will be published")
			}
			for i, m := range messages {
				config.Messages = append(config.Messages, signer.StatusMessage{Status: "0x" + strconv.FormatInt(int64(i), 16), Message: m})
			}
			if err := mustBeNew(args[0]); err != nil {
				return err
			}
			list, err := signer.NewStatusList(config)
			if err != nil {
				return usageError{err}
			}
			return (&statusFile{name: args[0], list: list}).save(c)
		},
	}
	f := cmd.Flags()
	f.StringVar(&config.ID, "id", "", "https URL at which the list will be published (required)")
	f.StringVar(&config.Purpose, "purpose", "revocation", "revocation, suspension, refresh or message")
	f.IntVar(&config.Entries, "entries", signer.MinStatusEntries, "how many credentials the list holds")
	f.IntVar(&config.Size, "size", 1, "bits of each entry")
	f.StringArrayVar(&messages, "message", nil, "what the next value means, beginning with 0; repeat for each")
	return cmd
}

func (c *cli) statusAllocateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "allocate STATE",
		Short: "Give out an entry and print its credentialStatus",
		Args:  exactly(1, "a state file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.openStatus(args[0])
			if err != nil {
				return err
			}
			index, err := s.list.Allocate()
			if err != nil {
				return err
			}
			entry, err := s.list.EntryText(index)
			if err != nil {
				return err
			}
			if err := s.save(c); err != nil {
				return err
			}
			return c.printIndented(entry)
		},
	}
}

func (c *cli) statusSetCommand(use, short, purpose string, value int) *cobra.Command {
	want := 2
	if value < 0 {
		want = 3
	}
	var asJSON *bool
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Long:  short + `. The entry is named by its index, or by a credential that holds it. Publish the list afterwards: until then nobody knows.`,
		Args:  exactly(want, "STATE and INDEX or CREDENTIAL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.openStatus(args[0])
			if err != nil {
				return err
			}
			if purpose != "" && s.list.Config().Purpose != purpose {
				return usagef("%s: expected a list for %s, found one for %s", s.name, purpose, s.list.Config().Purpose)
			}
			index, err := c.statusIndex(s, args[1])
			if err != nil {
				return err
			}
			v := uint64(max(value, 0))
			if value < 0 {
				if v, err = strconv.ParseUint(args[2], 0, 8); err != nil {
					return usagef("expected a value such as 2 or 0x2, found %q", args[2])
				}
			}
			if err := s.list.Set(index, uint8(v)); err != nil {
				return usageError{err}
			}
			if err := s.save(c); err != nil {
				return err
			}
			if *asJSON {
				var o object
				o.number("index", uint64(index))
				o.number("status", v)
				return c.printIndented([]byte(o.String()))
			}
			fmt.Fprintf(c.stdout, "entry %d is now %d; publish the list to make it known\n", index, v)
			return nil
		},
	}
	asJSON = jsonFlag(cmd, "print index and status as JSON")
	return cmd
}

// statusIndex reads an index, or finds the entry of a list in a credential.
func (c *cli) statusIndex(s *statusFile, arg string) (int, error) {
	if i, err := strconv.Atoi(arg); err == nil {
		return i, nil
	}
	b, err := c.readDocument(arg)
	if err != nil {
		return 0, err
	}
	in, err := open(b)
	if err != nil {
		return 0, invalidError{fmt.Errorf("%s: %w", arg, err)}
	}
	url := s.list.Config().ID
	credential, err := chancery.Parse([]byte(in.doc.Text()))
	if err != nil {
		return 0, invalidError{fmt.Errorf("%s: %w", arg, err)}
	}
	for _, e := range credential.Status() {
		if e.ListCredential == url && e.Purpose == s.list.Config().Purpose {
			return strconv.Atoi(e.ListIndex)
		}
	}
	return 0, usagef("%s: expected an entry in the list %s, found none", arg, url)
}

func (c *cli) statusShowCommand() *cobra.Command {
	var asJSON *bool
	cmd := &cobra.Command{
		Use:   "show STATE",
		Short: "Show what a status list holds",
		Args:  exactly(1, "a state file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.openStatus(args[0])
			if err != nil {
				return err
			}
			config := s.list.Config()
			set := 0
			for i := range s.list.Len() {
				if v, err := s.list.Get(i); err == nil && v != 0 {
					set++
				}
			}
			if *asJSON {
				o := statusObject(config, s.list.Allocated(), set)
				return c.printIndented([]byte(o.String()))
			}
			fmt.Fprintf(c.stdout, "%-10s %s\n%-10s %s\n%-10s %d of %d given out, %d set\n", "list", config.ID, "purpose", config.Purpose, "entries", s.list.Allocated(), s.list.Len(), set)
			return nil
		},
	}
	asJSON = jsonFlag(cmd, "print what it holds as JSON")
	return cmd
}

func (c *cli) statusPublishCommand() *cobra.Command {
	var f issueFlags
	var validFor, ttl time.Duration
	cmd := &cobra.Command{
		Use:   "publish STATE --key KEY.pem",
		Short: "Sign the list as a credential, to be published at its URL",
		Args:  exactly(1, "a state file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.openStatus(args[0])
			if err != nil {
				return err
			}
			return c.publishStatus(cmd.Context(), s, f, validFor, ttl)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.key, "key", "", "private key file (required)")
	f.pass.add(cmd)
	fl.StringVar(&f.suite, "suite", "", "securing mechanism, as for issue; default by the key")
	fl.StringVar(&f.issuer, "issuer", "", "issuer, a URL; default: the key's DID")
	fl.StringVar(&f.method, "method", "", "verification method, a URL; default: the key's DID URL")
	fl.StringVarP(&f.out, "output", "o", "", "file to write, again each time; default: standard output")
	fl.DurationVar(&validFor, "valid-for", 7*24*time.Hour, "how long a copy is good for")
	fl.DurationVar(&ttl, "ttl", 0, "how long readers may keep a copy; default: not said")
	return cmd
}

func (c *cli) publishStatus(ctx context.Context, s *statusFile, f issueFlags, validFor, ttl time.Duration) error {
	now := c.now().UTC().Truncate(time.Second)
	secure, key, err := c.securer(f, now)
	if err != nil {
		return err
	}
	issuer := f.issuer
	if issuer == "" {
		if issuer, _, err = signer.Identifier(key.Signer.Public()); err != nil {
			return usageError{err}
		}
	}
	credential, err := s.list.Credential(signer.StatusPublication{Issuer: issuer, ValidFrom: now, ValidUntil: now.Add(validFor), TTL: ttl})
	if err != nil {
		return usageError{err}
	}
	secured, err := secure.sign(ctx, credential)
	if err != nil {
		return err
	}
	return c.replace(f.out, line(secured.Bytes), 0o644)
}
