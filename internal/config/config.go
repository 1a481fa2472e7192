// Package config is the configuration of the service: one TOML or YAML file, environment
// variables over it, command-line settings over both.
//
//	c, err := config.Load(config.Source{Name: "chancery.toml", File: text, Environ: os.Environ(), Read: os.ReadFile})
//
// Load returns a configuration that is complete and consistent, or a *Problems that lists
// all that is wrong with it, each with its path. A key that is not known is an error: a
// setting that is misspelt would otherwise be one that is not in force. Example returns a
// file with every setting, its meaning and its default.
//
// A setting such as mail.host is the variable CHANCERY_MAIL_HOST, publicURL is
// CHANCERY_PUBLIC_URL; lists are separated by commas; tables in lists are for files alone.
// A Secret may be named by a file instead: "file:/run/secrets/mail" as its value, a key or
// variable with File or _FILE at the end of its name. It is never printed.
//
// The package opens no file but through the function that it is given, and dials nothing.
package config

import "time"

// Config is all there is to set. The tag conf is the name of a setting, def its default
// (none: empty, 0, false), doc what it means: it is the comment in the file that Example
// writes, too.
type Config struct {
	Listen         string        `conf:"listen" def:"127.0.0.1:8080" doc:"Address and port to serve on, or unix: and the path of a socket for a proxy on this machine, such as unix:/run/chancery/chancery.sock. Without TLS (tls, or a proxy in trustedProxies) an address must be a loopback one."`
	SocketMode     string        `conf:"socketMode" def:"0660" doc:"Permissions of the socket in listen. Whoever may write to it is taken for the proxy: its X-Forwarded-For is believed."`
	PublicURL      string        `conf:"publicURL" doc:"What stands before all published addresses, such as https://credentials.example.edu. It is written into credentials: it cannot change later. Empty: made from listen, for trying out."`
	Data           string        `conf:"data" def:"chancery-data" doc:"Directory for the database, files and keys, where no other place is set for them."`
	Role           string        `conf:"role" def:"all" oneof:"all,api,worker" doc:"What this process does: all; api: answers requests; worker: does jobs. Several processes need database.postgres."`
	Environments   []string      `conf:"environments" def:"test,live" oneof:"test,live" doc:"Environments that are offered."`
	MasterKey      Secret        `conf:"masterKey" doc:"Key that secrets in the database are sealed with: base64 of 32 bytes. Empty: made at the first start, in data. Losing it loses the issuers' keys."`
	Profile        string        `conf:"profile" def:"normal" oneof:"normal,conformance" doc:"conformance: loosens what the W3C test suites' documents need, and allows open instances and seeds in vcalm. Never for real credentials."`
	Fonts          []string      `conf:"fonts" def:"/usr/share/fonts" doc:"Directories with fonts for the scripts of certificate pages beyond Latin, Greek and Cyrillic, such as Arabic, Devanagari and Chinese; folders in them included."`
	TrustedProxies []string      `conf:"trustedProxies" doc:"Addresses or networks of reverse proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8. They end TLS: without tls, nobody else but this machine is answered."`
	Shutdown       time.Duration `conf:"shutdown" def:"20s" doc:"How long requests may take to end after SIGTERM."`

	Database Database `conf:"database" doc:"Where data is kept. Without postgres: SQLite, in data."`
	Blobs    Blobs    `conf:"blobs" doc:"Where files are kept."`
	TLS      TLS      `conf:"tls" doc:"TLS of the listener. Without it a reverse proxy has to end TLS."`
	Limits   Limits   `conf:"limits" doc:"How much callers may ask for."`
	Quota    Quota    `conf:"quota" doc:"How much a tenant may issue."`
	CORS     CORS     `conf:"cors" doc:"Scripts of which sites may call the API with a key. The public plane is open to all."`
	Mail     Mail     `conf:"mail" doc:"How recipients are told."`
	Webhooks Webhooks `conf:"webhooks" doc:"How events are delivered."`
	Verify   Verify   `conf:"verification" doc:"Verifying."`
	Chain    Chain    `conf:"chain" doc:"The Ethereum chain to anchor in. Without rpc nothing is anchored."`
	TSA      TSA      `conf:"tsa" doc:"The timestamp authority (RFC 3161) for PDFs and anchors."`
	PKCS11   PKCS11   `conf:"pkcs11" doc:"A token that holds issuers' keys. Needs a binary built with the tag pkcs11."`
	Metrics  Metrics  `conf:"metrics" doc:"Figures for Prometheus."`
	Log      Log      `conf:"log" doc:"What is told on standard error."`

	OIDC  []OIDC     `conf:"oidc" doc:"Issuers of tokens for interactive users (OpenID Connect)."`
	VCALM []Instance `conf:"vcalm" doc:"Instances of the W3C plane that are made at the start, beside those of the issuers in the database."`
}

// Database says where data is kept.
type Database struct {
	Postgres    Secret `conf:"postgres" doc:"PostgreSQL 15 or later: postgres://user:password@host/database."`
	Connections int    `conf:"connections" def:"16" min:"2" max:"1000" doc:"Connections to PostgreSQL at most."`
}

// Blobs says where files are kept.
type Blobs struct {
	Kind     string `conf:"kind" def:"dir" oneof:"dir,s3" doc:"A directory, or a bucket of a server that speaks S3."`
	Dir      string `conf:"dir" doc:"The directory. Empty: blobs, in data."`
	MaxBytes int64  `conf:"maxBytes" def:"104857600" min:"1048576" doc:"Size of one file at most."`
	S3       S3     `conf:"s3" doc:"The bucket, for kind s3."`
}

// S3 says which bucket.
type S3 struct {
	Endpoint      string        `conf:"endpoint" doc:"URL of the server, such as https://s3.eu-central-1.amazonaws.com."`
	Region        string        `conf:"region" def:"us-east-1" doc:"Region that requests are signed for."`
	Bucket        string        `conf:"bucket" doc:"The bucket, which must be there."`
	Prefix        string        `conf:"prefix" doc:"What stands before the names of files, such as chancery/."`
	AccessKey     string        `conf:"accessKey" doc:"Access key."`
	SecretKey     Secret        `conf:"secretKey" doc:"Secret of the access key."`
	Timeout       time.Duration `conf:"timeout" def:"30s" doc:"How long a request, or a pause within one, may last."`
	CA            string        `conf:"ca" doc:"File with the certificates (PEM) of authorities to believe. Empty: those of the system."`
	InsecurePlain bool          `conf:"insecurePlain" doc:"Allow http to a server elsewhere."`
}

// TLS says how the listener proves who it is.
type TLS struct {
	Cert       string `conf:"cert" doc:"File with the certificate and its chain (PEM)."`
	Key        string `conf:"key" doc:"File with its key (PEM)."`
	SelfSigned bool   `conf:"selfSigned" doc:"Make a certificate at the start that nobody else vouches for. On loopback only."`
}

// Limits are rates and sizes.
type Limits struct {
	PerKey       float64 `conf:"perKey" def:"200" min:"0" doc:"Requests a second with one key. 0: not limited."`
	PerKeyBurst  int     `conf:"perKeyBurst" def:"400" min:"1" doc:"Requests with one key at once."`
	PerAddress   float64 `conf:"perAddress" def:"20" min:"0" doc:"Requests a second from one address on the public plane. 0: not limited."`
	AddressBurst int     `conf:"perAddressBurst" def:"60" min:"1" doc:"Requests from one address at once."`
	MaxBody      int64   `conf:"maxBody" def:"10485760" min:"65536" max:"10485760" doc:"Bytes of a request at most, batches and documents aside."`
}

// Quota bounds issuing.
type Quota struct {
	Live int64 `conf:"live" min:"0" doc:"Live credentials of a tenant in a month. 0: not limited."`
}

// CORS names sites.
type CORS struct {
	Origins []string `conf:"origins" doc:"Origins, such as https://portal.example.edu."`
}

// Mail says how mail leaves.
type Mail struct {
	Kind          string        `conf:"kind" def:"none" oneof:"none,smtp,files" doc:"none: nobody is told; smtp: through a server; files: as .eml files in a directory, for trying out."`
	From          string        `conf:"from" doc:"Address that mail comes from."`
	FromName      string        `conf:"fromName" doc:"Name beside it."`
	ReplyTo       string        `conf:"replyTo" doc:"Address that answers go to. Empty: from."`
	Dir           string        `conf:"dir" doc:"Directory, for kind files. Empty: mail, in data."`
	Host          string        `conf:"host" doc:"Host of the mail server."`
	Port          int           `conf:"port" min:"0" max:"65535" doc:"Port. 0: by security, 587, 465 or 25."`
	Security      string        `conf:"security" def:"starttls" oneof:"starttls,tls,none" doc:"starttls: required; tls: from the first byte; none: on loopback only."`
	User          string        `conf:"user" doc:"User name. Empty: the server asks for none."`
	Password      Secret        `conf:"password" doc:"Password."`
	Hello         string        `conf:"hello" doc:"Name of this machine as it is told to the server. Empty: the host of publicURL."`
	Timeout       time.Duration `conf:"timeout" def:"60s" doc:"How long one delivery may take; ten times that for the last answer, lest a mail is sent twice."`
	CA            string        `conf:"ca" doc:"File with the certificates (PEM) of authorities to believe. Empty: those of the system."`
	InsecurePlain bool          `conf:"insecurePlain" doc:"Allow security none to a server elsewhere."`
}

// Webhooks says how events are delivered.
type Webhooks struct {
	Ports            []int         `conf:"ports" def:"443,8443" min:"1" max:"65535" doc:"Ports that may be dialled."`
	Timeout          time.Duration `conf:"timeout" def:"15s" doc:"How long one attempt may take."`
	InsecureLoopback bool          `conf:"insecureLoopback" doc:"Allow http, and addresses of this machine, for trying out."`
}

// Verify says how the service verifies.
type Verify struct {
	Log    bool          `conf:"log" def:"true" doc:"Keep a log of verifications: time, subject and verdict, no personal data. Tenants may switch theirs off."`
	Keep   time.Duration `conf:"keep" def:"8760h" doc:"How long its lines are kept."`
	Online bool          `conf:"online" def:"true" doc:"Fetch DID documents and status lists of other issuers, from public addresses."`
	Trust  string        `conf:"trust" doc:"File with whom to trust beside the own issuers (docs/formats/trust.md)."`
}

// Chain says where to anchor.
type Chain struct {
	RPC           []Secret      `conf:"rpc" doc:"Addresses of nodes, which often hold a key. Several are better: none is believed by itself."`
	ID            uint64        `conf:"id" doc:"Chain ID, such as 1 for mainnet."`
	Genesis       string        `conf:"genesis" doc:"Hash of block 0, 0x and 64 digits."`
	Agree         int           `conf:"agree" min:"0" doc:"How many nodes must say the same. 0: more than half."`
	Keystore      string        `conf:"keystore" doc:"File with the account's key (Web3 secret storage)."`
	Password      Secret        `conf:"password" doc:"Password of the keystore."`
	MaxFeeGwei    float64       `conf:"maxFeeGwei" def:"100" min:"0" doc:"Highest fee per gas, tip included."`
	MaxTipGwei    float64       `conf:"maxTipGwei" def:"10" min:"0" doc:"Highest tip per gas."`
	BatchAge      time.Duration `conf:"batchAge" def:"10m" doc:"How long hashes wait for others, at most."`
	BatchSize     int           `conf:"batchSize" def:"10000" min:"1" max:"1000000" doc:"How many are anchored together, at most."`
	Beacon        string        `conf:"beacon" doc:"URL of a beacon node that serves light clients, for proofs of finality. Empty: none."`
	InsecurePlain bool          `conf:"insecurePlain" doc:"Allow nodes without https, such as a development chain on this machine."`
}

// TSA says who stamps the time.
type TSA struct {
	URL      string        `conf:"url" doc:"Address of the authority; dev: one of our own, in data, whose times nobody else believes. Empty: none."`
	Roots    string        `conf:"roots" doc:"File with the certificates (PEM) that the authority's must lead to."`
	Policy   string        `conf:"policy" doc:"Policy to ask for, dotted. Empty: the authority's choice."`
	User     string        `conf:"user" doc:"User name. Empty: the authority asks for none."`
	Password Secret        `conf:"password" doc:"Password."`
	Timeout  time.Duration `conf:"timeout" def:"30s" doc:"How long one answer may take."`
}

// PKCS11 says which token.
type PKCS11 struct {
	Module string `conf:"module" doc:"File of the vendor's library. Empty: no token."`
	Token  string `conf:"token" doc:"Label of the token."`
	Serial string `conf:"serial" doc:"Serial number of the token, instead of its label."`
	PIN    Secret `conf:"pin" doc:"PIN of the user."`
}

// Metrics says where figures are served.
type Metrics struct {
	Listen string `conf:"listen" doc:"Address and port to serve /metrics on, apart from the API, such as 127.0.0.1:9090. Empty: not served."`
}

// Log says what is told.
type Log struct {
	Level  string `conf:"level" def:"info" oneof:"debug,info,warn,error" doc:"How much is told."`
	Format string `conf:"format" def:"text" oneof:"text,json" doc:"For people or for programs."`
}

// OIDC takes some tokens of an OpenID Provider as a tenant's. Several for one issuer and
// audience are tried in order.
type OIDC struct {
	Issuer      string   `conf:"issuer" doc:"URL of the issuer."`
	Audience    string   `conf:"audience" doc:"Audience that tokens must name."`
	JWKS        string   `conf:"jwks" doc:"URL of its keys. Empty: by discovery."`
	Tokens      string   `conf:"tokens" def:"access" oneof:"access,at+jwt,id" doc:"Which tokens: access tokens, only those whose typ is at+jwt (RFC 9068), or ID tokens."`
	Claim       string   `conf:"claim" doc:"Claim that selects tokens, such as groups. One within others by a path of names, such as /realm_access/roles or /resource_access/chancery/roles for Keycloak (in a name, ~1 stands for / and ~0 for ~). Empty: every token of the issuer."`
	Value       string   `conf:"value" doc:"What the claim is, or holds: letter for letter."`
	Tenant      string   `conf:"tenant" doc:"Id of the tenant that such tokens are for."`
	Environment string   `conf:"environment" def:"test" oneof:"test,live" doc:"Environment that they are for."`
	Scopes      []string `conf:"scopes" oneof:"issue,read,status,types,documents,stamps,webhooks,keys,portfolio,audit,export,erase" doc:"What they may do, such as issue, read, status."`
}

// Instance is an issuer on the W3C plane.
type Instance struct {
	Name          string `conf:"name" doc:"Name in its path, /vc/{name}."`
	Suite         string `conf:"suite" doc:"Cryptosuite, Ed25519Signature2020 or vc+jwt. Empty: the RDFC suite of the key's type."`
	KeyType       string `conf:"keyType" def:"Ed25519" oneof:"Ed25519,P-256,P-384" doc:"Type of its key."`
	KeyFile       string `conf:"keyFile" doc:"File with its key (PEM, PKCS#8). Empty: made at the first start, in data."`
	KeyPassword   Secret `conf:"keyPassword" doc:"Passphrase of keyFile."`
	Seed          Secret `conf:"seed" doc:"Makes the key from any text, always the same. With profile conformance only."`
	FailureStatus int    `conf:"failureStatus" def:"200" oneof:"200,400" doc:"HTTP status of a verification that fails."`
	Open          bool   `conf:"open" doc:"Ask for no API key. With profile conformance only."`
	NoStatus      bool   `conf:"noStatus" doc:"Issue credentials without status entries."`
}
