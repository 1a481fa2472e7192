// Peers of the service on libraries by others: reads one JSON request a line, answers one
// JSON object a line. Documents are fetched from the running service, over TLS; the JSON-LD
// contexts come with the first request.
import {createServer} from 'node:http';
import {createInterface} from 'node:readline';
import * as vc from '@digitalbazaar/vc';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {cryptosuite as eddsaRdfc} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import * as eddsaJcs from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import {cryptosuite as ecdsaRdfc} from '@digitalbazaar/ecdsa-rdfc-2019-cryptosuite';
import * as ecdsaJcs from '@digitalbazaar/ecdsa-jcs-2019-cryptosuite';
import {driver} from '@digitalbazaar/did-method-web';
import {httpClient} from '@digitalbazaar/http-client';
import {checkStatus} from '@digitalbazaar/vc-bitstring-status-list';
import * as jose from 'jose';
import Provider from 'oidc-provider';
import {Webhook} from 'standardwebhooks';

console.log = console.info = console.error; // answers alone go to standard output
const suites = {
  'eddsa-rdfc-2022': () => eddsaRdfc,
  'eddsa-jcs-2022': eddsaJcs.createVerifyCryptosuite,
  'ecdsa-rdfc-2019': () => ecdsaRdfc,
  'ecdsa-jcs-2019': ecdsaJcs.createVerifyCryptosuite
};
const didWeb = driver();
let contexts = {}, base = '', loaded = [];

// documentLoader knows the contexts it was given, did:key, and what the service publishes:
// DID documents by Digital Bazaar's did:web resolver, status lists under their URLs.
async function documentLoader(url) {
  const answer = document => ({contextUrl: null, documentUrl: url, document});
  if(contexts[url]) {
    return answer(contexts[url]);
  }
  if(url.startsWith('did:key:')) {
    const [did] = url.split('#');
    const publicKeyMultibase = did.slice('did:key:'.length);
    const method = {
      '@context': 'https://w3id.org/security/multikey/v1', type: 'Multikey',
      id: `${did}#${publicKeyMultibase}`, controller: did, publicKeyMultibase
    };
    return answer(url.includes('#') ? method : {
      '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'],
      id: did, verificationMethod: [method], assertionMethod: [method.id], authentication: [method.id]
    });
  }
  loaded.push(url);
  if(url.startsWith('did:web:')) {
    return answer(await didWeb.get({url}));
  }
  if(url.startsWith(base + '/')) {
    const {data} = await httpClient.get(url, {headers: {accept: 'application/json'}});
    return answer(data);
  }
  throw new Error(`not loaded: ${url}`);
}

const why = result => result.verified ? '' : JSON.stringify(result.error, (k, v) =>
  v instanceof Error ? {name: v.name, message: v.message, errors: v.errors, cause: v.cause} : v)?.slice(0, 800) ?? 'no error given';

const suiteOf = name => new DataIntegrityProof({cryptosuite: suites[name]()});

// authorized are requests with a key, as an http client of another product makes them.
const authorized = key => ({headers: {authorization: `Bearer ${key}`}});

const servers = [];
function listen(handler) {
  return new Promise(resolve => {
    const server = createServer(handler).listen(0, '127.0.0.1', () => resolve(server.address().port));
    servers.push(server);
  });
}

const received = [];
const operations = {
  start: async request => {
    ({contexts, base} = request);
    return {};
  },

  // A credential as a relying party judges it: proof, key of the issuer, status.
  verify: async ({document, suite}) => {
    loaded = [];
    const result = await vc.verifyCredential({
      credential: document, suite: suiteOf(suite), documentLoader,
      // Lists carry a proof of a suite of their own; the library tells what a bit is and
      // leaves it to the relying party what it means.
      checkStatus: document.credentialStatus && (async options => {
        const found = await checkStatus({...options, suite: Object.keys(suites).map(suiteOf), documentLoader});
        const set = found.results?.some(r => r.status !== false);
        return {...found, verified: found.verified && !set, error: found.error ?? (set && new Error('the status is set'))};
      })
    });
    return {verified: result.verified, error: why(result) && JSON.stringify([why(result), why(result.statusResult ?? {})]), loaded};
  },

  verifyJWT: async ({text, didDocument}) => {
    const {kid, alg} = jose.decodeProtectedHeader(text);
    const {verificationMethod, id} = await didWeb.get({did: didDocument});
    const jwks = await httpClient.get(`${base}/i/${id.split(':').pop()}/jwks.json`);
    const jwk = jwks.data.keys.find(k => k.kid === kid || kid.endsWith('#' + k.kid));
    if(!jwk || !verificationMethod.some(m => m.id === kid || kid.endsWith(m.id))) {
      return {verified: false, error: `no key ${kid} among ${JSON.stringify(jwks.data)}`};
    }
    try {
      const {payload} = await jose.jwtVerify(text, await jose.importJWK(jwk, alg));
      return {verified: true, document: payload};
    } catch(e) {
      return {verified: false, error: e.message};
    }
  },

  // A wallet: from an interaction URL to the credential, as VCALM 1.0, 3.6 and 3.7 have it.
  wallet: async ({interaction, tamper}) => {
    const {data: {protocols}} = await httpClient.get(interaction);
    const exchange = protocols.vcapi;
    const {data: {verifiablePresentationRequest: vpr}} = await httpClient.post(exchange, {json: {}});
    const wanted = vpr.query.find(q => q.type === 'DIDAuthentication');
    if(!wanted || !wanted.acceptedCryptosuites.some(s => s.cryptosuite === 'eddsa-rdfc-2022')) {
      throw new Error(`cannot meet ${JSON.stringify(vpr)}`);
    }
    const pair = await Ed25519Multikey.generate();
    pair.controller = `did:key:${pair.publicKeyMultibase}`;
    pair.id = `${pair.controller}#${pair.publicKeyMultibase}`;
    const challenge = tamper === 'challenge' ? 'another' : vpr.challenge;
    const domain = tamper === 'domain' ? 'elsewhere.example' : vpr.domain;
    const verifiablePresentation = await vc.signPresentation({
      presentation: vc.createPresentation({holder: pair.controller, version: 2.0, now: undefined}),
      suite: new DataIntegrityProof({signer: pair.signer(), cryptosuite: eddsaRdfc}),
      challenge, domain, documentLoader
    });
    if(tamper === 'holder') {
      verifiablePresentation.holder = 'did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH';
    }
    const step = async () => {
      const {data} = await httpClient.post(
        vpr.interact.service[0].serviceEndpoint, {json: {verifiablePresentation}});
      return data;
    };
    try {
      const data = await step();
      let again = 0;
      try {
        await step();
      } catch(e) {
        again = e.status;
      }
      return {document: data.verifiablePresentation.verifiableCredential[0], holder: pair.controller, status: 200, again};
    } catch(e) {
      return {status: e.status ?? 0, error: JSON.stringify(e.data) ?? e.message};
    }
  },

  // The W3C plane as a coordinator calls it, and an exchange of its own making.
  coordinate: async ({issuer, key, credential}) => {
    const plane = `${base}/vc/${issuer}`;
    const issued = await httpClient.post(`${plane}/credentials/issue`, {json: {credential}, ...authorized(key)});
    const {verifiableCredential} = issued.data;
    const verified = await httpClient.post(`${plane}/credentials/verify`, {
      json: {verifiableCredential, options: {returnResults: true}}, ...authorized(key)});
    return {status: issued.status, document: verifiableCredential, verified: verified.data.verified};
  },

  exchange: async ({issuer, key, credentialId}) => {
    const {headers, data} = await httpClient.post(
      `${base}/vc/${issuer}/workflows/claim/exchanges`, {json: {variables: {credential: credentialId}}, ...authorized(key)});
    return {text: `${base}/interactions/${data.id}?iuv=1`, error: headers.get('location') ? '' : 'no Location'};
  },

  state: async ({issuer, key, exchange}) => {
    const {data} = await httpClient.get(`${base}/vc/${issuer}/workflows/claim/exchanges/${exchange}`, authorized(key));
    return {text: data.state, holder: data.variables.results?.claim?.did};
  },

  // A receiver of webhooks that believes what the reference library verifies, and answers
  // the first attempt of each message with an error.
  receiver: async ({port, path}) => {
    const seen = new Set();
    const server = createServer((request, response) => {
      const chunks = [];
      request.on('data', c => chunks.push(c));
      request.on('end', () => {
        const id = request.headers['webhook-id'];
        received.push({id, path: request.url, headers: request.headers, body: Buffer.concat(chunks).toString(), retry: seen.has(id)});
        response.statusCode = path && request.url === path && !seen.has(id) ? 503 : 204;
        seen.add(id);
        response.end();
      });
    });
    servers.push(server);
    await new Promise(resolve => server.listen(port, '127.0.0.1', resolve));
    return {};
  },

  received: async ({secrets, path}) => ({
    deliveries: received.filter(r => r.path === path).map(r => {
      const accepted = {}, forged = {};
      for(const secret of secrets) {
        for(const [into, body] of [[accepted, r.body], [forged, r.body.replace('"type"', '"tyqe"')]]) {
          try {
            new Webhook(secret).verify(body, r.headers);
            into[secret] = true;
          } catch(e) {
            into[secret] = false;
          }
        }
      }
      return {
        id: r.id, retry: r.retry, type: JSON.parse(r.body).type, credential: JSON.parse(r.body).data.id,
        accepted: secrets.map(s => accepted[s]), forged: secrets.map(s => forged[s])
      };
    })
  }),

  // An OpenID Provider that gives access tokens for the audience that is asked for.
  provider: async () => {
    let provider;
    const port = await listen((request, response) => provider.callback()(request, response));
    const {privateKey} = await jose.generateKeyPair('RS256', {extractable: true});
    const client = (client_id, extra) => ({
      client_id, client_secret: 'a secret of the registrar desk', redirect_uris: [], response_types: [],
      grant_types: ['client_credentials'], token_endpoint_auth_method: 'client_secret_post', ...extra
    });
    const issuer = `http://127.0.0.1:${port}`;
    provider = new Provider(issuer, {
      clients: [client('registrar'), client('librarian')],
      jwks: {keys: [{...await jose.exportJWK(privateKey), kid: 'provider-1', alg: 'RS256', use: 'sig'}]},
      cookies: {keys: ['only this test']},
      scopes: ['anything'],
      features: {
        devInteractions: {enabled: false},
        clientCredentials: {enabled: true},
        resourceIndicators: {
          enabled: true,
          defaultResource: () => 'urn:chancery:service',
          useGrantedResource: () => true,
          getResourceServerInfo: (ctx, resource) => ({
            scope: 'anything', audience: resource, accessTokenFormat: 'jwt',
            accessTokenTTL: resource.endsWith('short') ? 1 : 300, jwt: {sign: {alg: 'RS256'}}
          })
        }
      },
      extraTokenClaims: (ctx, token) => ({groups: [token.clientId === 'registrar' ? 'registrars' : 'readers', 'staff']})
    });
    return {text: issuer};
  },

  token: async ({issuer, client, resource}) => {
    const {data} = await httpClient.get(`${issuer}/.well-known/openid-configuration`);
    const body = new URLSearchParams({
      grant_type: 'client_credentials', client_id: client, client_secret: 'a secret of the registrar desk', resource});
    const {data: answer} = await httpClient.post(data.token_endpoint, {body});
    return {text: answer.access_token};
  }
};

for await (const line of createInterface({input: process.stdin, crlfDelay: Infinity})) {
  let answer;
  try {
    const request = JSON.parse(line);
    answer = await operations[request.op](request);
  } catch(e) {
    answer = {failed: `${e.name}: ${e.message} ${JSON.stringify(e.data) ?? ''}`};
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
servers.forEach(s => s.close());
process.exit(0);
