-- The log of verifications grows faster than all else: it is kept once, in the order in
-- which it is read and forgotten, without an index beside it.
CREATE TABLE verification_line (
    tenant TEXT NOT NULL,
    environment TEXT NOT NULL,
    at BIGINT NOT NULL,
    id TEXT NOT NULL,
    subject TEXT NOT NULL,
    method TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (tenant, environment, at, id)
) {STRICT_KEYED};
INSERT INTO verification_line (tenant, environment, at, id, subject, method, outcome, reason, source)
    SELECT tenant, environment, at, id, subject, method, outcome, reason, source FROM verification;
DROP TABLE verification;
ALTER TABLE verification_line RENAME TO verification;
