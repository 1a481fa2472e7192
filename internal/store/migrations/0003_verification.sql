-- Lines of the log of verifications that come together are kept together, in one text:
-- most of what a line cost was the row. at and id are of the newest line of a row, since is
-- the time of its oldest. A line is the time in microseconds, id, subject, method, outcome,
-- reason and source, with tabs between them and a line feed at its end.
CREATE TABLE verification_lines (
    tenant TEXT NOT NULL,
    environment TEXT NOT NULL,
    at BIGINT NOT NULL,
    id TEXT NOT NULL,
    since BIGINT NOT NULL,
    n BIGINT NOT NULL,
    lines TEXT NOT NULL,
    PRIMARY KEY (tenant, environment, at, id)
) {STRICT_KEYED};
INSERT INTO verification_lines (tenant, environment, at, id, since, n, lines)
    SELECT tenant, environment, at, id, at, 1, at || '{TAB}' || id || '{TAB}' || replace(replace(replace(subject, '\', '\\'), '{TAB}', '\t'), '{LF}', '\n')
        || '{TAB}' || method || '{TAB}' || outcome || '{TAB}' || reason || '{TAB}' || source || '{LF}' FROM verification;
DROP TABLE verification;
ALTER TABLE verification_lines RENAME TO verification;
