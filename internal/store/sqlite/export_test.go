package sqlite

import "context"

// LimitPages makes the disk full when the file has n pages.
func (s *Store) LimitPages(ctx context.Context, n string) error {
	_, err := s.writeDB.ExecContext(ctx, "PRAGMA max_page_count("+n+")")
	return err
}

// Pages is how many there are.
func (s *Store) Pages(ctx context.Context) (n string, err error) {
	err = s.writeDB.QueryRowContext(ctx, "PRAGMA page_count").Scan(&n)
	return n, err
}
