package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chancery-dev/chancery/cmd/internal/serving"
	"github.com/chancery-dev/chancery/internal/service"
)

// withInstallation opens the installation of a configuration for one command.
func (c *cli) withInstallation(ctx context.Context, f configFlags, do func(*serving.Installation) error) error {
	conf, err := f.load(c)
	if err != nil {
		return err
	}
	conf.Log.Level = "error"
	conf.VCALM = nil
	in, err := c.open(ctx, conf, false)
	if err != nil {
		return err
	}
	defer in.Close()
	return do(in)
}

func (c *cli) tenantsCommand() *cobra.Command {
	var f configFlags
	var id string
	cmd := &cobra.Command{Use: "tenants", Short: "Institutions of the service", Args: exactly(0, "a command"), RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() }}
	create := &cobra.Command{
		Use:     "create NAME [--id ID]",
		Short:   "Make an institution",
		Example: `  chancery tenants create "Universität Grünau" --id gruenau`,
		Args:    exactly(1, "the institution's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withInstallation(cmd.Context(), f, func(in *serving.Installation) error {
				made, err := in.Core.CreateTenant(cmd.Context(), id, args[0])
				if err != nil {
					return requestError(err)
				}
				fmt.Fprintln(c.stdout, made.ID)
				return nil
			})
		},
	}
	f.add(create)
	create.Flags().StringVar(&id, "id", "", "id, 1 to 64 of a-z 0-9 - (default: drawn)")
	cmd.AddCommand(create)
	return cmd
}

// requestError makes a usage error of what the service refuses.
func requestError(err error) error { return usageError{err} }

type keysFlags struct {
	configFlags
	tenant, environment, name string
	scopes                    []string
	expires                   time.Duration
	asJSON                    bool
}

func (f *keysFlags) addTo(cmd *cobra.Command) {
	f.add(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.tenant, "tenant", "", "id of the institution (required)")
	fl.StringVar(&f.environment, "environment", "test", "test or live")
	fl.BoolVar(&f.asJSON, "json", false, "write JSON")
}

func (f *keysFlags) scope() (service.Scope, error) {
	s := service.Scope{Tenant: f.tenant, Environment: service.Environment(f.environment)}
	switch {
	case s.Tenant == "":
		return s, usagef("expected --tenant")
	case !s.Environment.Valid():
		return s, usagef("--environment: expected test or live")
	}
	return s, nil
}

func (c *cli) keysCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "API keys of the service", Args: exactly(0, "a command"), RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() }}
	cmd.AddCommand(c.keysCreateCommand(), c.keysListCommand(), c.keysRevokeCommand())
	return cmd
}

func (c *cli) keysCreateCommand() *cobra.Command {
	var f keysFlags
	cmd := &cobra.Command{
		Use:     "create --tenant ID [--environment live] [--scope issue,read]",
		Short:   "Make an API key; its secret is printed once",
		Example: `  chancery keys create --tenant gruenau --environment live --name "registry server" --scope issue,read,status --expires 8760h`,
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			scope, err := f.scope()
			if err != nil {
				return err
			}
			in := service.NewKey{Name: f.name, Scopes: service.Permissions()}
			if len(f.scopes) != 0 {
				in.Scopes = nil
				for _, p := range f.scopes {
					if !slices.Contains(service.Permissions(), service.Permission(p)) {
						return usagef("--scope: expected some of %v", service.Permissions())
					}
					in.Scopes = append(in.Scopes, service.Permission(p))
				}
			}
			if f.expires > 0 {
				until := c.now().Add(f.expires).UTC().Truncate(time.Second)
				in.ExpiresAt = &until
			}
			return c.withInstallation(cmd.Context(), f.configFlags, func(i *serving.Installation) error {
				key, err := i.Core.CreateFirstKey(cmd.Context(), scope, in)
				if err != nil {
					return requestError(err)
				}
				if f.asJSON {
					return json.NewEncoder(c.stdout).Encode(key)
				}
				fmt.Fprintln(c.stdout, key.Secret)
				return nil
			})
		},
	}
	f.addTo(cmd)
	cmd.Flags().StringVar(&f.name, "name", "made on the command line", "what the key is for")
	cmd.Flags().StringSliceVar(&f.scopes, "scope", nil, "what it may do (default: everything)")
	cmd.Flags().DurationVar(&f.expires, "expires", 0, "how long it holds, such as 8760h (default: until revoked)")
	return cmd
}

func (c *cli) keysListCommand() *cobra.Command {
	var f keysFlags
	cmd := &cobra.Command{
		Use:   "list --tenant ID",
		Short: "List API keys, without their secrets",
		Args:  exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			scope, err := f.scope()
			if err != nil {
				return err
			}
			return c.withInstallation(cmd.Context(), f.configFlags, func(i *serving.Installation) error {
				for page := (service.Page{Limit: service.MaxLimit}); ; {
					list, err := i.Core.ListKeys(cmd.Context(), service.System(scope), page)
					if err != nil {
						return err
					}
					for _, k := range list.Items {
						if f.asJSON {
							if err := json.NewEncoder(c.stdout).Encode(k); err != nil {
								return err
							}
							continue
						}
						fmt.Fprintf(c.stdout, "%s  %-8s  %s  %s  %s\n", k.ID, onOff(k.Enabled), k.CreatedAt.Format(time.DateOnly), plain(k.Name), permissions(k.Scopes))
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

func onOff(on bool) string {
	if on {
		return "enabled"
	}
	return "disabled"
}

func permissions(all []service.Permission) string {
	text := make([]string, len(all))
	for i, p := range all {
		text[i] = string(p)
	}
	return strings.Join(text, ",")
}

func (c *cli) keysRevokeCommand() *cobra.Command {
	var f keysFlags
	cmd := &cobra.Command{
		Use:   "revoke KEY --tenant ID",
		Short: "End an API key at once",
		Args:  exactly(1, "the key's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			scope, err := f.scope()
			if err != nil {
				return err
			}
			return c.withInstallation(cmd.Context(), f.configFlags, func(i *serving.Installation) error {
				if err := i.Core.RevokeKey(cmd.Context(), service.System(scope), args[0]); err != nil {
					return requestError(err)
				}
				return nil
			})
		},
	}
	f.addTo(cmd)
	return cmd
}
