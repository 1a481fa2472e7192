-- Times are microseconds since 1970 in UTC; the zero time of Go is a number of its own
-- (year 1). Binary values are base64. Words in braces are set by engine: see migrate.go.

CREATE TABLE record (
    tenant TEXT NOT NULL,
    environment TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    parent TEXT NOT NULL,
    lookup TEXT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    version BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, environment, kind, id)
) {STRICT};
CREATE UNIQUE INDEX record_lookup ON record (kind, lookup) WHERE lookup <> '';
CREATE INDEX record_list ON record (tenant, environment, kind, created, id);
CREATE INDEX record_parent ON record (tenant, environment, kind, parent, created, id) WHERE parent <> '';
CREATE INDEX record_scope ON record (kind, tenant, environment);

CREATE TABLE credential (
    tenant TEXT NOT NULL,
    environment TEXT NOT NULL,
    id TEXT NOT NULL,
    public_id TEXT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    issue BIGINT NOT NULL,
    type_id TEXT NOT NULL,
    issuer_id TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    recipient_name TEXT NOT NULL,
    recipient_email TEXT NOT NULL,
    name_key TEXT NOT NULL,
    email_key TEXT NOT NULL,
    claims TEXT NOT NULL,
    created BIGINT NOT NULL,
    issued_at BIGINT NOT NULL,
    valid_until BIGINT NOT NULL,
    place BIGINT NOT NULL,
    list_id TEXT NOT NULL,
    list_index BIGINT NOT NULL,
    digest TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, environment, id)
) {STRICT};
CREATE UNIQUE INDEX credential_public ON credential (public_id);
CREATE UNIQUE INDEX credential_slot ON credential (list_id, list_index) WHERE list_id <> '';
CREATE INDEX credential_list ON credential (tenant, environment, place, id);
CREATE INDEX credential_type ON credential (tenant, environment, type_id, place, id);
CREATE INDEX credential_state ON credential (tenant, environment, state, place, id) WHERE state <> 'issued';
CREATE INDEX credential_subject ON credential (tenant, environment, subject_id, place, id) WHERE subject_id <> '';
CREATE INDEX credential_batch ON credential (tenant, environment, batch_id, place, id) WHERE batch_id <> '';
CREATE INDEX credential_email ON credential (tenant, environment, email_key, place, id) WHERE email_key <> '';
CREATE INDEX credential_name ON credential (tenant, environment, name_key) WHERE name_key <> '';

CREATE TABLE credential_claim (
    tenant TEXT NOT NULL,
    environment TEXT NOT NULL,
    claim TEXT NOT NULL,
    value TEXT NOT NULL,
    credential_id TEXT NOT NULL,
    PRIMARY KEY (tenant, environment, claim, value, credential_id)
) {STRICT_KEYED};

CREATE TABLE artifact (
    tenant TEXT NOT NULL,
    environment TEXT NOT NULL,
    credential_id TEXT NOT NULL,
    issue BIGINT NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    digest TEXT NOT NULL,
    size BIGINT NOT NULL,
    content TEXT,
    created BIGINT NOT NULL,
    PRIMARY KEY (tenant, environment, credential_id, issue, name)
) {STRICT};
CREATE INDEX artifact_digest ON artifact (digest, tenant, environment, credential_id);

CREATE TABLE status_list (
    tenant TEXT NOT NULL,
    environment TEXT NOT NULL,
    id TEXT NOT NULL,
    issuer_id TEXT NOT NULL,
    entries BIGINT NOT NULL,
    taken BIGINT NOT NULL,
    before BIGINT NOT NULL,
    sealed TEXT NOT NULL,
    version BIGINT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (tenant, environment, id)
) {STRICT};
CREATE UNIQUE INDEX status_list_id ON status_list (id);
CREATE INDEX status_list_issuer ON status_list (tenant, environment, issuer_id, created, id);

CREATE TABLE status_bit (
    list_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    place BIGINT NOT NULL,
    PRIMARY KEY (list_id, purpose, place)
) {STRICT_KEYED};

CREATE TABLE publication (
    list_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    tenant TEXT NOT NULL,
    environment TEXT NOT NULL,
    content TEXT NOT NULL,
    media_type TEXT NOT NULL,
    issued BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    PRIMARY KEY (list_id, purpose)
) {STRICT};
CREATE INDEX publication_ends ON publication (ends);

CREATE TABLE batch_row (
    tenant TEXT NOT NULL,
    environment TEXT NOT NULL,
    batch TEXT NOT NULL,
    place BIGINT NOT NULL,
    state TEXT NOT NULL,
    row_key TEXT NOT NULL,
    credential_id TEXT NOT NULL,
    public_id TEXT NOT NULL,
    body TEXT NOT NULL,
    errors TEXT,
    PRIMARY KEY (tenant, environment, batch, place)
) {STRICT};
CREATE UNIQUE INDEX batch_row_key ON batch_row (tenant, environment, batch, row_key) WHERE row_key <> '';
CREATE INDEX batch_row_state ON batch_row (tenant, environment, batch, state, place);

CREATE TABLE batch_count (
    tenant TEXT NOT NULL,
    environment TEXT NOT NULL,
    batch TEXT NOT NULL,
    total BIGINT NOT NULL,
    queued BIGINT NOT NULL,
    issued BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    PRIMARY KEY (tenant, environment, batch)
) {STRICT_KEYED};

CREATE TABLE audit (
    tenant TEXT NOT NULL,
    environment TEXT NOT NULL,
    id TEXT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    source TEXT NOT NULL,
    request TEXT NOT NULL,
    detail TEXT,
    seq BIGINT NOT NULL,
    hash TEXT,
    PRIMARY KEY (tenant, environment, id)
) {STRICT};
CREATE UNIQUE INDEX audit_seq ON audit (tenant, environment, seq) WHERE seq > 0;
CREATE INDEX audit_unchained ON audit (tenant, environment, at, id) WHERE seq = 0;

CREATE TABLE verification (
    tenant TEXT NOT NULL,
    environment TEXT NOT NULL,
    id TEXT NOT NULL,
    at BIGINT NOT NULL,
    subject TEXT NOT NULL,
    method TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (tenant, environment, id)
) {STRICT};
CREATE INDEX verification_list ON verification (tenant, environment, at, id);
CREATE INDEX verification_age ON verification (at);

CREATE TABLE counter (
    tenant TEXT NOT NULL,
    environment TEXT NOT NULL,
    name TEXT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (tenant, environment, name)
) {STRICT_KEYED};

CREATE TABLE answer (
    tenant TEXT NOT NULL,
    environment TEXT NOT NULL,
    route TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    digest TEXT NOT NULL,
    body TEXT NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (tenant, environment, route, idempotency_key)
) {STRICT};
CREATE INDEX answer_expires ON answer (expires);

-- A row while a job with that key is waiting: see jobs.go.
CREATE TABLE job_key (
    kind TEXT NOT NULL,
    job_key TEXT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (kind, job_key)
) {STRICT_KEYED};

CREATE TABLE anchor_sequence (
    tenant TEXT NOT NULL,
    environment TEXT NOT NULL,
    items BIGINT NOT NULL,
    PRIMARY KEY (tenant, environment)
) {STRICT_KEYED};

CREATE TABLE anchor_item (
    tenant TEXT NOT NULL,
    environment TEXT NOT NULL,
    place BIGINT NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    alg TEXT NOT NULL,
    digest TEXT,
    salt TEXT,
    added_nanoseconds BIGINT NOT NULL,
    PRIMARY KEY (tenant, environment, place)
) {STRICT};
CREATE UNIQUE INDEX anchor_item_id ON anchor_item (tenant, environment, id);

CREATE TABLE anchor_batch (
    tenant TEXT NOT NULL,
    environment TEXT NOT NULL,
    seq BIGINT NOT NULL,
    first BIGINT NOT NULL,
    size BIGINT NOT NULL,
    digest TEXT NOT NULL,
    done BIGINT NOT NULL,
    version BIGINT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (tenant, environment, seq)
) {STRICT};
CREATE UNIQUE INDEX anchor_batch_first ON anchor_batch (tenant, environment, first);
CREATE INDEX anchor_batch_open ON anchor_batch (tenant, environment, seq) WHERE done = 0;

CREATE TABLE anchor_leaves (
    tenant TEXT NOT NULL,
    environment TEXT NOT NULL,
    seq BIGINT NOT NULL,
    tree BIGINT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (tenant, environment, seq, tree)
) {STRICT};

-- Nonces belong to accounts, which several tenants may share.
CREATE TABLE anchor_nonce (
    account TEXT NOT NULL PRIMARY KEY,
    next BIGINT NOT NULL
) {STRICT_KEYED};
