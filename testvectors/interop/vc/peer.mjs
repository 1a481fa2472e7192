// A peer on Digital Bazaar's libraries and jose: reads one JSON request a line,
// answers one JSON object a line. The first request carries the contexts.
import {createInterface} from 'node:readline';
import * as vc from '@digitalbazaar/vc';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import * as EcdsaMultikey from '@digitalbazaar/ecdsa-multikey';
import {cryptosuite as eddsaRdfc} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import * as eddsaJcs from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import {cryptosuite as ecdsaRdfc} from '@digitalbazaar/ecdsa-rdfc-2019-cryptosuite';
import * as ecdsaSD from '@digitalbazaar/ecdsa-sd-2023-cryptosuite';
import * as ecdsaJcs from '@digitalbazaar/ecdsa-jcs-2019-cryptosuite';
import {Ed25519Signature2020} from '@digitalbazaar/ed25519-signature-2020';
import {Ed25519VerificationKey2020} from '@digitalbazaar/ed25519-verification-key-2020';
import {decodeList, createList} from '@digitalbazaar/vc-bitstring-status-list';
import * as jose from 'jose';

const suites = {
  'eddsa-rdfc-2022': {sign: () => eddsaRdfc, verify: () => eddsaRdfc},
  'eddsa-jcs-2022': {sign: eddsaJcs.createSignCryptosuite, verify: eddsaJcs.createVerifyCryptosuite},
  'ecdsa-rdfc-2019': {sign: () => ecdsaRdfc, verify: () => ecdsaRdfc},
  'ecdsa-jcs-2019': {sign: ecdsaJcs.createSignCryptosuite, verify: ecdsaJcs.createVerifyCryptosuite},
  'ecdsa-sd-2023': {sign: ecdsaSD.createSignCryptosuite, verify: ecdsaSD.createVerifyCryptosuite}
};
let contexts = {};

// documentLoader knows the contexts it was given and did:key, and nothing else.
async function documentLoader(url) {
  if(contexts[url]) {
    return {contextUrl: null, documentUrl: url, document: contexts[url]};
  }
  if(url.startsWith('did:key:')) {
    const [did] = url.split('#');
    const publicKeyMultibase = did.slice('did:key:'.length);
    const method = {
      '@context': 'https://w3id.org/security/multikey/v1', type: 'Multikey',
      id: `${did}#${publicKeyMultibase}`, controller: did, publicKeyMultibase
    };
    const document = url.includes('#') ? method : {
      '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'],
      id: did, verificationMethod: [method],
      assertionMethod: [method.id], authentication: [method.id]
    };
    return {contextUrl: null, documentUrl: url, document};
  }
  throw new Error(`not loaded: ${url}`);
}

async function signSuite({suite, key, created, pointers}) {
  if(suite === 'Ed25519Signature2020') {
    const pair = await Ed25519VerificationKey2020.from({
      type: 'Ed25519VerificationKey2020', id: key.id, controller: key.controller,
      publicKeyMultibase: key.publicKeyMultibase, privateKeyMultibase: key.privateKeyMultibase
    });
    return new Ed25519Signature2020({key: pair, date: created});
  }
  const pair = await (suite.startsWith('eddsa') ? Ed25519Multikey : EcdsaMultikey).from({type: 'Multikey', ...key});
  return new DataIntegrityProof({signer: pair.signer(), cryptosuite: suites[suite].sign({mandatoryPointers: pointers}), date: created});
}

function verifySuite(suite) {
  return suite === 'Ed25519Signature2020' ? new Ed25519Signature2020() :
    new DataIntegrityProof({cryptosuite: suites[suite].verify()});
}

function why(result) {
  return result.verified ? '' : JSON.stringify(result.error, (k, v) =>
    v instanceof Error ? {name: v.name, message: v.message, errors: v.errors, cause: v.cause} : v)?.slice(0, 600) ?? 'no error given';
}

const operations = {
  contexts: async ({documents}) => {
    contexts = documents;
    return {};
  },
  issue: async request => ({
    document: await vc.issue({credential: request.document, suite: await signSuite(request), documentLoader})
  }),
  verify: async ({suite, document, now}) => {
    const result = await vc.verifyCredential({credential: document, suite: verifySuite(suite), documentLoader, now: new Date(now)});
    return {verified: result.verified, error: why(result)};
  },
  derive: async ({document, pointers}) => {
    const cryptosuite = ecdsaSD.createDiscloseCryptosuite({selectivePointers: pointers});
    return {document: await vc.derive({verifiableCredential: document, suite: new DataIntegrityProof({cryptosuite}), documentLoader})};
  },
  present: async request => ({
    document: await vc.signPresentation({
      presentation: request.document, suite: await signSuite(request), documentLoader,
      challenge: request.challenge, domain: request.domain
    })
  }),
  verifyPresentation: async ({suite, document, challenge, domain, now}) => {
    const result = await vc.verify({
      presentation: document, suite: verifySuite(suite), documentLoader, challenge, domain, now: new Date(now)
    });
    return {verified: result.verified, error: why(result)};
  },
  signJWS: async ({text, header, jwk}) => ({
    text: await new jose.CompactSign(new TextEncoder().encode(text))
      .setProtectedHeader(header).sign(await jose.importJWK(jwk, header.alg))
  }),
  verifyJWS: async ({text, jwk, alg}) => {
    try {
      const {payload, protectedHeader} = await jose.compactVerify(text, await jose.importJWK(jwk, alg), {algorithms: [alg]});
      return {verified: true, payload: new TextDecoder().decode(payload), header: protectedHeader};
    } catch(e) {
      return {verified: false, error: e.message};
    }
  },
  statusOf: async ({encodedList, index}) => {
    const list = await decodeList({encodedList});
    return {set: list.getStatus(index), length: list.length};
  },
  makeList: async ({length, set}) => {
    const list = await createList({length});
    set.forEach(i => list.setStatus(i, true));
    return {encodedList: await list.encode()};
  }
};

for await (const line of createInterface({input: process.stdin, crlfDelay: Infinity})) {
  let answer;
  try {
    const request = JSON.parse(line);
    answer = await operations[request.op](request);
  } catch(e) {
    answer = {failed: `${e.name}: ${e.message}`};
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
