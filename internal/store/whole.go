package store

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// TornError is that a database lacks what was made with its tables: it was not restored to
// its end. Data may be missing, and nothing keeps what is there once from being there twice.
type TornError struct{ Missing []string }

func (e *TornError) Error() string {
	return fmt.Sprintf("store: expected the index %s in the database, and found %d missing: it was not restored to its end; restore it anew, into an empty database", e.Missing[0], len(e.Missing))
}

var (
	indexMade    = regexp.MustCompile(`^CREATE (?:UNIQUE )?INDEX (\w+) ON (\w+) `)
	tableMade    = regexp.MustCompile(`^CREATE TABLE (\w+) `)
	tableGone    = regexp.MustCompile(`^DROP TABLE (\w+)$`)
	tableRenamed = regexp.MustCompile(`^ALTER TABLE (\w+) RENAME TO (\w+)$`)
)

// Indexes are the names of the indexes of the newest form of the tables, those of primary
// keys as PostgreSQL names them.
func Indexes(e Engine) ([]string, error) {
	all, err := migrations(e)
	if err != nil {
		return nil, err
	}
	on := map[string]string{} // index → table
	for _, m := range all {
		for _, stmt := range m.statements {
			if f := indexMade.FindStringSubmatch(stmt); f != nil {
				on[f[1]] = f[2]
			} else if f := tableMade.FindStringSubmatch(stmt); f != nil && strings.Contains(stmt, "PRIMARY KEY") {
				on[f[1]+"_pkey"] = f[1]
			} else if f := tableGone.FindStringSubmatch(stmt); f != nil {
				maps.DeleteFunc(on, func(_, table string) bool { return table == f[1] })
			} else if f := tableRenamed.FindStringSubmatch(stmt); f != nil {
				for index, table := range on {
					if table == f[1] {
						on[index] = f[2]
					}
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(on)), nil
}
