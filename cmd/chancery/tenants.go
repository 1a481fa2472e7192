package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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
	var asJSON bool
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
				if asJSON {
					return json.NewEncoder(c.stdout).Encode(made)
				}
				_, err = fmt.Fprintln(c.stdout, made.ID)
				return err
			})
		},
	}
	f.add(create)
	create.Flags().StringVar(&id, "id", "", "id, 1 to 64 of a-z 0-9 - (default: drawn)")
	create.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	cmd.AddCommand(create, c.tenantsListCommand(), c.tenantsChangeCommand())
	return cmd
}

func (c *cli) tenantsListCommand() *cobra.Command {
	var f configFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List institutions",
		Args:  exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withInstallation(cmd.Context(), f, func(in *serving.Installation) error {
				all, err := in.Core.Tenants(cmd.Context())
				if err != nil {
					return err
				}
				for _, t := range all {
					if err := c.tellTenant(t, asJSON); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON, one object a line")
	return cmd
}

func (c *cli) tenantsChangeCommand() *cobra.Command {
	var f configFlags
	var name, log string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "change ID [--name NAME] [--verification-log on|off]",
		Short: "Rename an institution, or switch its verification log",
		Long: `Changes an institution. With --verification-log off nothing is noted any more of
verifications of what it has issued; what was noted stays until its time is over.`,
		Example: `  chancery tenants change gruenau --verification-log off`,
		Args:    exactly(1, "the institution's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var in service.TenantChange
			if cmd.Flags().Changed("name") {
				in.Name = &name
			}
			on := log == "on"
			switch log {
			case "":
			case "on", "off":
				in.VerificationLog = &on
			default:
				return usagef("--verification-log: expected on or off")
			}
			if in == (service.TenantChange{}) {
				return usagef("expected --name or --verification-log")
			}
			return c.withInstallation(cmd.Context(), f, func(i *serving.Installation) error {
				changed, err := i.Core.ChangeTenant(cmd.Context(), args[0], in)
				if err != nil {
					return requestError(err)
				}
				return c.tellTenant(changed, asJSON)
			})
		},
	}
	f.add(cmd)
	fl := cmd.Flags()
	fl.StringVar(&name, "name", "", "the new name")
	fl.StringVar(&log, "verification-log", "", "on or off")
	fl.BoolVar(&asJSON, "json", false, "write JSON")
	_ = cmd.RegisterFlagCompletionFunc("verification-log", cobra.FixedCompletions([]string{"on", "off"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *cli) tellTenant(t service.Tenant, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(c.stdout).Encode(t)
	}
	note := ""
	if !t.VerificationLog {
		note = "  no verification log"
	}
	_, err := fmt.Fprintf(c.stdout, "%s  %s  %s%s\n", t.ID, t.CreatedAt.Format(time.DateOnly), plain(t.Name), note)
	return err
}

// requestError makes a usage error of what the service refuses, in words for people: with a
// line for each field. Other faults stay what they are.
func requestError(err error) error {
	var refused *service.Error
	if !errors.As(err, &refused) || refused.Code == service.CodeUnavailable {
		return err
	}
	if len(refused.Fields) == 0 {
		return usageError{fmt.Errorf("%s (%s)", refused.Detail, refused.Code)}
	}
	var lines []string
	for _, field := range slices.Sorted(maps.Keys(refused.Fields)) {
		lines = append(lines, field+" "+strings.Join(refused.Fields[field], ", "))
	}
	return usageError{fmt.Errorf("%s (%s)", strings.Join(lines, "\n"), refused.Code)}
}

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
	_ = cmd.RegisterFlagCompletionFunc("environment", cobra.FixedCompletions([]string{"test", "live"}, cobra.ShellCompDirectiveNoFileComp))
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

// withTenant opens the installation for one command about an institution that is there. What
// it does is noted in the audit log as done on the command line.
func (c *cli) withTenant(ctx context.Context, f keysFlags, do func(*serving.Installation, service.Caller) error) error {
	scope, err := f.scope()
	if err != nil {
		return err
	}
	return c.withInstallation(ctx, f.configFlags, func(in *serving.Installation) error {
		if _, err := in.Core.Tenant(ctx, scope.Tenant); err != nil {
			return requestError(err)
		}
		caller := service.System(scope)
		caller.Actor = "cli"
		return do(in, caller)
	})
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
			if f.expires < 0 {
				return usagef("--expires: expected a time to come, such as 8760h")
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
			return c.withTenant(cmd.Context(), f, func(i *serving.Installation, caller service.Caller) error {
				for page := (service.Page{Limit: service.MaxLimit}); ; {
					list, err := i.Core.ListKeys(cmd.Context(), caller, page)
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
						fmt.Fprintf(c.stdout, "%s  %-8s  %s  %s  %s\n", k.ID, c.keyState(k), k.CreatedAt.Format(time.DateOnly), plain(k.Name), permissions(k.Scopes))
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

// keyState says whether a key can be used now, and why not.
func (c *cli) keyState(k service.APIKey) string {
	switch {
	case k.RevokedAt != nil:
		return "revoked"
	case !k.Enabled:
		return "disabled"
	case k.ExpiresAt != nil && !c.now().Before(*k.ExpiresAt):
		return "expired"
	}
	return "enabled"
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
		Short: "End an API key for good",
		Long: `Ends an API key, and with it the tokens that were got with it. A service that is running
notices within a second.`,
		Args: exactly(1, "the key's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withTenant(cmd.Context(), f, func(i *serving.Installation, caller service.Caller) error {
				if err := i.Core.RevokeKey(cmd.Context(), caller, args[0]); err != nil {
					return requestError(err)
				}
				return nil
			})
		},
	}
	f.addTo(cmd)
	return cmd
}
