package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/service"
	"github.com/chancery-dev/chancery/signer"
)

func (c *cli) issuersCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "issuers", Short: "Issuers of the service", Args: exactly(0, "a command"), RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() }}
	cmd.AddCommand(c.issuersCreateCommand(), c.issuersListCommand(), c.issuersRotateCommand(), c.issuersSealCommand())
	return cmd
}

func (c *cli) issuersListCommand() *cobra.Command {
	var f keysFlags
	cmd := &cobra.Command{
		Use:   "list --tenant ID",
		Short: "List the issuers of an institution",
		Args:  exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withTenant(cmd.Context(), f, func(i *serving.Installation, caller service.Caller) error {
				for page := (service.Page{Limit: service.MaxLimit}); ; {
					list, err := i.Core.ListIssuers(cmd.Context(), caller, page)
					if err != nil {
						return err
					}
					for _, issuer := range list.Items {
						if f.asJSON {
							err = json.NewEncoder(c.stdout).Encode(issuer)
						} else {
							_, err = fmt.Fprintf(c.stdout, "%s  %s  %s  %s  %d keys\n", issuer.ID, issuer.Key, issuer.DID, plain(issuer.Name), len(issuer.Keys))
						}
						if err != nil {
							return err
						}
					}
					if page.Cursor = list.Next; page.Cursor == "" {
						return nil
					}
				}
			})
		},
	}
	f.addTo(cmd)
	return cmd
}

func (c *cli) issuersRotateCommand() *cobra.Command {
	var f keysFlags
	var in service.RotateKey
	cmd := &cobra.Command{
		Use:   "rotate ISSUER --tenant ID",
		Short: "Give an issuer a new key",
		Long: `Gives an issuer a new key, from now on. The private part of the old one is destroyed; its
public part stays published, so that what it signed stays verifiable. With --compromised it
does not: nothing signed with it is believed any more, but what provably existed before.`,
		Example: `  chancery issuers rotate uni --tenant gruenau --environment live`,
		Args:    exactly(1, "the issuer's id or short name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withTenant(cmd.Context(), f, func(i *serving.Installation, caller service.Caller) error {
				out, err := i.Core.RotateKey(cmd.Context(), caller, args[0], in, service.Idempotency{})
				if err != nil {
					return requestError(err)
				}
				if f.asJSON {
					return json.NewEncoder(c.stdout).Encode(out.Value)
				}
				_, err = fmt.Fprintln(c.stdout, out.Value.Keys[len(out.Value.Keys)-1].ID)
				return err
			})
		},
	}
	f.addTo(cmd)
	cmd.Flags().StringVar(&in.KeyType, "key-type", "", "Ed25519, P-256 or P-384 (default Ed25519)")
	cmd.Flags().StringVar(&in.KeyRef, "key-ref", "", "name of a key in the PKCS#11 token, TENANT/LABEL, instead of a new one")
	cmd.Flags().BoolVar(&in.Compromised, "compromised", false, "the old key is known to others")
	cmd.Flags().StringVar(&in.Key, "key", "", "with --compromised: the id of a key that is not in use any more; no new one is made")
	return cmd
}

func (c *cli) issuersCreateCommand() *cobra.Command {
	var f keysFlags
	var in service.NewIssuer
	cmd := &cobra.Command{
		Use:     "create NAME --tenant ID",
		Short:   "Make an issuer of an institution",
		Example: `  chancery issuers create "Universität Grünau" --tenant gruenau --environment live --url https://gruenau.example/`,
		Args:    exactly(1, "the issuer's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Name = args[0]
			return c.withTenant(cmd.Context(), f, func(i *serving.Installation, caller service.Caller) error {
				if !slices.Contains(i.Config.Environments, f.environment) {
					return usagef("--environment: expected one that is offered: %s", strings.Join(i.Config.Environments, ", "))
				}
				made, err := i.Core.CreateIssuer(cmd.Context(), caller, in, service.Idempotency{})
				if err != nil {
					return requestError(err)
				}
				return c.tellIssuer(made.Value, f.asJSON)
			})
		},
	}
	f.addTo(cmd)
	fl := cmd.Flags()
	fl.StringVar(&in.Key, "key", "", "short name (default: made from the name)")
	fl.StringVar(&in.URL, "url", "", "the institution's site")
	fl.StringVar(&in.Method, "method", "", "did:web or did:key (default did:web)")
	fl.StringVar(&in.KeyType, "key-type", "", "Ed25519, P-256 or P-384 (default Ed25519)")
	fl.StringVar(&in.KeyRef, "key-ref", "", "name of a key in the PKCS#11 token, TENANT/LABEL, instead of a new one")
	return cmd
}

func (c *cli) tellIssuer(i service.Issuer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(c.stdout).Encode(i)
	}
	_, err := fmt.Fprintf(c.stdout, "%s  %s\n", i.ID, i.DID)
	return err
}

func (c *cli) issuersSealCommand() *cobra.Command {
	var f keysFlags
	var p12, ref, chain string
	var pass passphraseFlags
	cmd := &cobra.Command{
		Use:   "seal ISSUER --tenant ID --p12 FILE",
		Short: "Have an issuer seal PDFs with the institution's own certificate",
		Long: `From now on PDFs are sealed with this key and certificate. What was sealed before stays
as it is. The certificate is trusted by itself, not the authority that issued it.`,
		Example: `  chancery issuers seal pgdxgzpd66st --tenant gruenau --environment live --p12 seal.p12 --passphrase-file pass.txt
  chancery issuers seal pgdxgzpd66st --tenant gruenau --environment live --key-ref gruenau/seal --chain chain.pem`,
		Args: exactly(1, "the issuer's id or short name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := f.scope(); err != nil { // before anything is asked for
				return err
			}
			seal := service.Seal{KeyRef: ref}
			var err error
			switch {
			case (p12 == "") == (ref == ""):
				return usagef("expected --p12, or --key-ref with --chain")
			case p12 != "":
				file, err := c.read(p12, maxKeyFile)
				if err != nil {
					return err
				}
				phrase, err := pass.read(c, "Password of "+p12+": ")
				if err != nil {
					return err
				}
				if seal.Key, seal.Chain, err = signer.ImportPKCS12(file, string(phrase)); err != nil {
					return fmt.Errorf("%s: %w", p12, err)
				}
			default:
				if seal.Chain, err = c.readCertificates(chain); err != nil {
					return err
				}
			}
			return c.withTenant(cmd.Context(), f, func(i *serving.Installation, caller service.Caller) error {
				out, err := i.Core.SetSeal(cmd.Context(), caller, args[0], seal)
				if err != nil {
					return requestError(err)
				}
				return c.tellIssuer(out, f.asJSON)
			})
		},
	}
	f.addTo(cmd)
	fl := cmd.Flags()
	fl.StringVar(&p12, "p12", "", "PKCS#12 file with key and certificates")
	fl.StringVar(&pass.file, "passphrase-file", "", "file with its password; default: ask on the terminal")
	fl.StringVar(&ref, "key-ref", "", "name of a key in the PKCS#11 token, TENANT/LABEL")
	fl.StringVar(&chain, "chain", "", "PEM file with its certificate and those above")
	return cmd
}
