// A second verifier of evidence bundles, written from docs/formats/evidence.md alone: steps 1 to 6 and 11 to 15,
// without timestamps, checkpoints and renewals, which leave it undecided. Usage: node verify.mjs cases.json
import { readFileSync } from 'node:fs';
import { decode, encode } from 'cborg';
import { RLP } from '@ethereumjs/rlp';
import { ed25519 } from '@noble/curves/ed25519.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { bls12_381 as bls } from '@noble/curves/bls12-381.js';
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { sha3_256, keccak_256 as keccak } from '@noble/hashes/sha3.js';
import { blake2b } from '@noble/hashes/blake2.js';
import { concatBytes as cat, bytesToHex as hex, hexToBytes as unhex, utf8ToBytes as utf8 } from '@noble/hashes/utils.js';

class Fault extends Error { constructor(outcome, code) { super(code); this.outcome = outcome; this.code = code; } }
const invalid = (code) => { throw new Fault('invalid', code); };
const need = (ok, code) => ok || invalid(code);
const eq = (a, b) => a.length === b.length && hex(a) === hex(b);
const H = { 'sha-256': sha256, 'sha-384': sha384, 'sha-512': sha512, 'sha3-256': sha3_256,
  'blake2b-256': (b) => blake2b(b, { dkLen: 32 }), 'blake2b-512': (b) => blake2b(b, { dkLen: 64 }) };
const treeHashes = ['sha-256', 'sha-512', 'sha3-256'];

// ---- Step 1: encoding (section 2) and format (section 3)
function parseCBOR(b) {
  try {
    const v = decode(b, { strict: true, allowIndefinite: false, allowUndefined: false, rejectDuplicateMapKeys: true });
    if (!eq(encode(v), b)) throw new Error('not the deterministic encoding');
    return v;
  } catch (e) { invalid('evidence_malformed'); }
}
const tagged = (b) => { need(eq(b.slice(0, 3), Uint8Array.of(0xd9, 0xd9, 0xf7)), 'evidence_malformed'); return parseCBOR(b.slice(3)); };
const bad = () => invalid('evidence_malformed');
const open1 = () => { throw new Fault('indeterminate', 'evidence_unsupported'); };
const uint = (max = Number.MAX_SAFE_INTEGER) => (v) => Number.isSafeInteger(v) && v >= 0 && v <= max || bad();
const bytes = (lo, hi = lo) => (v) => v instanceof Uint8Array && v.length >= lo && v.length <= hi || bad();
const text = (v) => typeof v === 'string' && v.length > 0 && utf8(v).length <= 2048 && !/[\x00-\x1f\x7f\ufffd]/.test(v) || bad();
const oneOf = (...s) => (v) => { text(v); s.includes(v) || open1(); };
const list = (lo, hi, item) => (v) => { Array.isArray(v) && v.length >= lo && v.length <= hi || bad(); v.forEach(item); };
const opt = (check) => Object.assign((v) => check(v), { optional: true });
const map = (members, ext) => (v) => {
  if (v === null || typeof v !== 'object' || Array.isArray(v) || v instanceof Uint8Array) bad();
  for (const [k, check] of Object.entries(members)) k in v ? check(v[k]) : check.optional || bad();
  for (const k of Object.keys(v)) if (!members[k]) (ext && /^x-[a-z0-9-]{1,32}$/.test(k)) ? text(v[k]) : ext && k.startsWith('x-') ? bad() : open1();
};
const b32 = bytes(32), part = map({ sha256: b32, bytes: opt(bytes(1, 11 << 20)) });
const version = (v) => { uint()(v); v === 1 || open1(); };
const sorted = (v) => v.every((x, i) => i === 0 || (typeof x === 'string' ? v[i - 1] < x : hex(v[i - 1]) < hex(x))) || bad();
const promise = (v) => { text(v); v === 'rfc3161' || /^eip155:[1-9][0-9]{0,15}$/.test(v) || open1(); };
const proof = (v) => {
  map({ alg: oneOf(...treeHashes), size: uint(2 ** 40), index: uint(), path: list(0, 64, bytes(1, 64)), root: bytes(32, 64) })(v);
  const n = H[v.alg](new Uint8Array()).length;
  v.size >= 1 && v.index < v.size && v.root.length === n && v.path.every((p) => p.length === n) || bad();
};
const root = (v) => { map({ alg: oneOf(...treeHashes), root: bytes(32, 64) })(v); v.root.length === (v.alg === 'sha-512' ? 64 : 32) || bad(); };
const header = (v) => {
  map({ version, issuer: text, tenant: opt(b32), seq: uint(), size: uint(2 ** 40), roots: list(1, 2, root), time: text, prev: opt(b32), log: opt(b32),
    promise: opt((p) => { list(1, 16, promise)(p); sorted(p); }), material: opt((m) => { list(1, 64, b32)(m); sorted(m); }) })(v);
  const ok = v.size >= 1 && (v.roots.length < 2 || v.roots[0].alg !== v.roots[1].alg) && (v.seq === 0) === !v.prev && !(v.seq === 0 && v.log);
  ok && /^[2-9]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(v.time) && !Number.isNaN(Date.parse(v.time)) && new Date(v.time).toISOString().replace('.000', '') === v.time || bad();
};
const signature = map({ alg: oneOf('Ed25519', 'ES256', 'ES384', 'ES512', 'PS256'), method: text, value: bytes(64, 1024) });
const nodes = list(1, 16, bytes(1, 1 << 20)), rlpHeader = bytes(1, 2048);
const txProof = map({ index: uint(), nodes, header: rlpHeader });
const link = (v) => { map({ headers: opt(list(1, 128, rlpHeader)), history: opt(map({ header: rlpHeader, accountProof: nodes, storageProof: nodes })) })(v); !v.headers !== !v.history || bad(); };
const anchors = {
  eth: map({ type: text, chainId: uint(), genesisHash: b32, tx: part, link: opt(part), pack: opt(part) }),
  rfc3161: map({ type: text, token: part }), ots: map({ type: text, proof: part }),
  checkpoint: map({ type: text, batchHeader: header, signature, path: list(0, 64, b32) }),
};
const anchor = (v) => { v && typeof v.type === 'string' || bad(); (anchors[v.type] ?? open1)(v); };
const once = (names) => new Set(names).size === names.length || bad();
const anchorList = (v) => { list(1, 16, anchor)(v); once(v.map((a) => a.tx ?? a.token ?? a.proof).filter(Boolean).map((p) => hex(p.sha256))); };
const renewal = (v) => map(v?.type === 'bundle' ? { type: text, token: part, alg: oneOf('sha-256', 'sha-384', 'sha-512', 'sha3-256', 'sha3-384', 'sha3-512'), digest: bytes(32, 64) }
  : { type: oneOf('timestamp'), token: part, anchor: uint() })(v);
const material = map({ kind: oneOf('controller', 'jwks', 'statusList', 'context', 'schema', 'badge'), url: text, sha256: b32, bytes: opt(bytes(1, 10 << 20)) });
const bundle = map({ version, salt: b32, tree: proof, secondTree: opt(proof), batchHeader: header, signature, anchors: opt(anchorList),
  renewals: opt(list(1, 64, renewal)), content: opt(bytes(1, 10 << 20)), material: opt(list(1, 64, material)), subject: (v) => {
    map({ type: oneOf('credential', 'presentation', 'badge', 'pdf', 'statusList', 'stamp'), digestAlg: oneOf(...Object.keys(H)), digest: bytes(1, 64) })(v);
    v.digest.length === H[v.digestAlg](new Uint8Array()).length || bad();
  } }, true);
function partsFile(b) {
  const v = tagged(b);
  Array.isArray(v) && v.length === 3 && v[0] === 'chancery-parts' || bad();
  version(v[1]); list(0, 64, bytes(1, 11 << 20))(v[2]); once(v[2].map(hex));
  return v[2];
}
function readPart(p, check, code) { // what a step needs: away it is undecided, of the wrong form it fails
  if (!p.bytes) throw new Fault('indeterminate', 'evidence_part_missing');
  try { const v = parseCBOR(p.bytes); check(v); return v; } catch (e) { throw e.outcome === 'indeterminate' ? e : new Fault('invalid', code); }
}

// ---- Step 4: RFC 9162, 2.1.3.2
function rootOf(h, p, hash) {
  let fn = p.index, sn = p.size - 1;
  for (const s of p.path) {
    if (sn === 0) return null;
    if (fn % 2 === 1 || fn === sn) {
      hash = h(cat(Uint8Array.of(1), s, hash));
      while (fn % 2 === 0 && fn !== 0) { fn = Math.floor(fn / 2); sn = Math.floor(sn / 2); }
    } else hash = h(cat(Uint8Array.of(1), hash, s));
    fn = Math.floor(fn / 2); sn = Math.floor(sn / 2);
  }
  return sn === 0 ? hash : null;
}

// ---- Step 6: Ethereum
const rlp = (b, code) => { try { return RLP.decode(b); } catch { invalid(code); } };
const num = (b) => b.reduce((n, x) => n * 256 + x, 0);
function parseHeader(b, code) {
  const f = rlp(b, code);
  need(Array.isArray(f) && f.length >= 15 && f.every((x) => x instanceof Uint8Array) && f[0].length === 32 && f[3].length === 32 && f[4].length === 32 && f[8].length <= 6 && f[11].length <= 6, code);
  return { hash: keccak(b), parent: f[0], state: f[3], txs: f[4], number: num(f[8]), time: num(f[11]) };
}
function trie(rootHash, key, nodes, code) {
  let path = [...key].flatMap((x) => [x >> 4, x & 15]), i = 0, value;
  const load = (ref) => { need(i < nodes.length && eq(keccak(nodes[i]), ref), code); return rlp(nodes[i++], code); };
  for (let node = load(rootHash), next; ;) {
    need(Array.isArray(node), code);
    if (node.length === 17) {
      if (path.length === 0) { value = node[16]; break; }
      next = node[path[0]]; path = path.slice(1);
    } else {
      need(node.length === 2 && node[0] instanceof Uint8Array && node[0].length > 0, code);
      const flag = node[0][0] >> 4, all = [...node[0]].flatMap((x) => [x >> 4, x & 15]);
      need(flag < 4 && (flag % 2 === 1 || all[1] === 0), code);
      const part = all.slice(flag % 2 === 1 ? 1 : 2);
      need(part.every((x, k) => x === path[k]), code);
      path = path.slice(part.length); next = node[1];
      if (flag >= 2) { need(path.length === 0, code); value = next; break; }
    }
    node = Array.isArray(next) ? next : next.length === 32 ? load(next) : invalid(code);
  }
  need(i === nodes.length && value instanceof Uint8Array && value.length > 0, code);
  return value;
}
function transaction(b) {
  const code = 'evidence_transaction', legacy = b[0] >= 0xc0, known = b[0] > 0x7f || b[0] >= 1 && b[0] <= 4 || open1();
  const f = known && rlp(legacy ? b : b.slice(1), code);
  // [fields without signature, chain id, to, data] of each type
  const at = legacy ? [6, null, 3, 5] : { 1: [8, 0, 4, 6], 2: [9, 0, 5, 7], 3: [11, 0, 5, 7], 4: [10, 0, 5, 7] }[b[0]];
  need(at && Array.isArray(f) && f.length === at[0] + 3, code);
  const [v, r, s] = f.slice(at[0]).map((x) => BigInt('0x0' + hex(x)));
  let chain = legacy ? (v >= 35n ? Number((v - 35n) / 2n) : 0) : num(f[at[1]]);
  const parity = legacy ? (v >= 35n ? (v - 35n) % 2n : v - 27n) : v;
  const plain = f.slice(0, at[0]), unsigned = legacy && v >= 35n ? [...plain, chain, 0, 0] : plain;
  const message = keccak(legacy ? RLP.encode(unsigned) : cat(b.slice(0, 1), RLP.encode(unsigned)));
  const pad = (x) => unhex(x.toString(16).padStart(64, '0'));
  let sender;
  try {
    const key = secp256k1.Signature.fromBytes(cat(Uint8Array.of(Number(parity)), pad(r), pad(s)), 'recovered').recoverPublicKey(message);
    sender = keccak(key.toBytes(false).slice(1)).slice(12);
  } catch { invalid('evidence_sender'); }
  return { chain, to: f[at[2]], data: f[at[3]], sender };
}
function finalBlock(block, part) {
  if (!part) return block;
  const code = 'evidence_link', l = readPart(part, link, code);
  if (l.headers) return l.headers.reduce((last, b) => {
    const next = parseHeader(b, code);
    need(eq(next.parent, last.hash) && next.number === last.number + 1, code);
    return next;
  }, block);
  const newer = parseHeader(l.history.header, code), slot = new Uint8Array(32);
  need(block.number < newer.number && newer.number - block.number <= 8191, code);
  slot[30] = (block.number % 8191) >> 8; slot[31] = (block.number % 8191) & 255;
  const account = rlp(trie(newer.state, keccak(unhex('0000f90827f1c53a10cb7a02335b175320002935')), l.history.accountProof, code), code);
  need(Array.isArray(account) && account.length === 4, code);
  const word = rlp(trie(account[2], keccak(slot), l.history.storageProof, code), code);
  need(eq(word, block.hash), code);
  return newer;
}

// ---- Step 6.6: finality pack (section 6)
const pair = (a, b) => sha256(cat(a, b)), zero = new Uint8Array(32);
function merkleize(leaves) {
  let n = 1; while (n < leaves.length) n *= 2;
  let row = [...leaves, ...Array(n - leaves.length).fill(zero)];
  while (row.length > 1) row = row.filter((_, i) => i % 2 === 0).map((x, i) => pair(x, row[2 * i + 1]));
  return row[0];
}
const pad32 = (b) => { const out = new Uint8Array(32); out.set(b); return out; };
const le = (b) => num([...b].reverse());
function verifyPack(b, net, final) {
  const code = 'evidence_finality', undecided = 'evidence_finality_undecided';
  let at = 0; const take = (n) => { need(at + n <= b.length, code); return b.slice(at, at += n); };
  const beacon = () => { const f = take(112), l = [f.slice(0, 8), f.slice(8, 16), f.slice(16, 48), f.slice(48, 80), f.slice(80)].map(pad32); return { slot: le(f.slice(0, 8)), state: l[3], body: l[4], root: merkleize(l) }; };
  const branch = () => Array.from({ length: take(1)[0] }, () => take(32));
  const climbs = (leaf, br, g, top) => { // a branch whose length is the depth of the generalised index
    if (br.length !== Math.floor(Math.log2(g))) return false;
    br.forEach((s, i) => { leaf = (g >> i) & 1 ? pair(s, leaf) : pair(leaf, s); });
    return eq(leaf, top);
  };
  need(eq(take(4), Uint8Array.of(0x43, 0x46, 0x50, 1)) && hex(take(32)) === net.genesisValidatorsRoot, code);
  const versionBytes = take(4), size = le(take(2)), period = le(take(8));
  if (take(1)[0] !== 0) return undecided; // starts at a checkpoint: not supported here
  need(size === net.committeeSize, code);
  const keys = Array.from({ length: size + 1 }, () => take(48));
  if (le(take(2)) !== 0) return undecided; // period updates: not supported here
  const attested = beacon(), finalityBranch = branch(), finalized = beacon(), x = take(le(take(2))), executionBranch = branch();
  const bits = take(size / 8), sig = take(96), slot = le(take(8));
  need(at === b.length, code);
  const perPeriod = net.slotsPerEpoch * net.epochsPerPeriod;
  const forkAt = (s) => net.forks.findLast((f) => f.epoch <= Math.floor(s / net.slotsPerEpoch));
  const gindex = { altair: 105, bellatrix: 105, capella: 105, deneb: 105, electra: 169, fulu: 169 };
  const table = net.committees[String(period)];
  if (!table) return undecided;
  const keyRoot = (k) => sha256(cat(k, new Uint8Array(16)));
  need(hex(pair(merkleize(keys.slice(0, size).map(keyRoot)), keyRoot(keys[size]))) === table, code);
  need(Math.floor(slot / perPeriod) === period && Math.floor(attested.slot / perPeriod) === period && slot > attested.slot && attested.slot >= finalized.slot, code);
  if (!gindex[forkAt(slot - 1)?.name] || !gindex[forkAt(attested.slot)?.name]) return undecided;
  need(forkAt(slot - 1).version === hex(versionBytes), code);
  need(climbs(finalized.root, finalityBranch, gindex[forkAt(attested.slot).name], attested.state), code);
  // ExecutionPayloadHeader from Deneb on: 17 fields, extraData the only one of variable length.
  const sizes = [32, 20, 32, 32, 256, 32, 8, 8, 8, 8, 4, 32, 32, 32, 32, 8, 8], f = [];
  let o = 0; for (const n of sizes) { f.push(x.slice(o, o + n)); o += n; }
  need(x.length >= o && x.length <= o + 32 && le(f[10]) === o, code);
  f[4] = merkleize(Array.from({ length: 8 }, (_, i) => f[4].slice(32 * i, 32 * i + 32)));
  f[10] = pair(pad32(x.slice(o)), pad32(Uint8Array.of(x.length - o)));
  need(climbs(merkleize(f.map(pad32)), executionBranch, 25, finalized.body), code);
  const signers = keys.slice(0, size).filter((_, i) => (bits[i >> 3] >> (i & 7)) & 1);
  need(3 * signers.length >= 2 * size, code);
  const domain = cat(Uint8Array.of(7, 0, 0, 0), pair(pad32(versionBytes), unhex(net.genesisValidatorsRoot)).slice(0, 28));
  const S = bls.longSignatures; let ok = false;
  try { ok = S.verify(sig, S.hash(pair(attested.root, domain), 'BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_'), S.aggregatePublicKeys(signers)); } catch { /* not a point */ }
  need(ok, code);
  need(eq(f[12], final.hash) && le(f[6].slice(0, 6)) === final.number, code);
  return '';
}

// ---- The steps of section 5
export function verify(file, digest, trust, beside) {
  const undecided = [], open = (code) => undecided.push(code);
  try {
    const b = tagged(file), h = b?.batchHeader;                                                            // 1
    if (Number.isSafeInteger(b?.version) && b.version !== 1) open1(); else bundle(b);
    const parts = (b.anchors ?? []).flatMap((a) => [a.tx, a.link, a.pack, a.token, a.proof]).concat((b.renewals ?? []).map((r) => r.token)).filter(Boolean);
    const pool = beside.length ? partsFile(beside) : [], nameOf = (m, x) => sha256(m.kind ? encode(['chancery-material', 1, m.kind, m.url, x]) : x);
    for (const p of parts.concat(b.material ?? [])) {                                                      // 2
      p.bytes ??= pool.find((x) => eq(nameOf(p, x), p.sha256));
      need(!p.bytes || eq(nameOf(p, p.bytes), p.sha256), 'evidence_part_mismatch');
    }
    need(!b.content || eq(H[b.subject.digestAlg](b.content), b.subject.digest), 'evidence_document_mismatch'); // 3
    if (digest.length > 0) need(eq(digest, b.subject.digest), 'evidence_document_mismatch');
    else if (!b.content) open('evidence_document_missing');
    [b.tree, b.secondTree].forEach((t, i) => {                                                             // 4
      if (!t) return;
      const hash = H[t.alg], s = b.subject, r = h.roots[i];
      const leaf = encode([1, 'chancery-leaf', s.type, s.digestAlg, h.tenant ?? new Uint8Array(), hash(cat(b.salt, s.digest))]);
      const top = rootOf(hash, t, hash(cat(Uint8Array.of(0), leaf)));
      need(r && r.alg === t.alg && t.size === h.size && t.index === b.tree.index && eq(t.root, r.root) && top && eq(top, t.root), 'evidence_not_included');
    });
    const head = encode(h), sig = b.signature;                                                             // 5
    const D = sha256(encode(['chancery-batch', 1, head, sig.alg, sig.method, sig.value]));
    let passed = new Set(), proven = Infinity;
    if (b.renewals) open('timestamp_untrusted');
    for (const a of b.anchors ?? []) try {
      if (a.type === 'ots') continue;
      if (a.type !== 'eth') { open('timestamp_untrusted'); continue; }
      const before = undecided.length, chain = trust.chains.find((c) => c.chainId === a.chainId), code = 'evidence_transaction';
      if (!chain) open('evidence_chain_unknown');                                                          // 6.1
      else need(hex(a.genesisHash) === chain.genesisHash, 'evidence_chain_mismatch');
      const mined = readPart(a.tx, txProof, code), block = parseHeader(mined.header, code);                // 6.2
      const tx = transaction(trie(block.txs, RLP.encode(mined.index), mined.nodes, code));
      need(tx.chain === a.chainId && a.chainId !== 0 && tx.to.length === 20 && eq(tx.data, D), code);      // 6.3
      if (!chain?.senders.length) open('evidence_sender_unknown');                                         // 6.4
      else need(chain.senders.includes(hex(tx.sender)), 'evidence_sender');
      const final = finalBlock(block, a.link);                                                             // 6.5
      if (!chain?.final.some((f) => f.hash === hex(final.hash) && f.number === final.number)) {            // 6.6
        const why = !chain || !a.pack ? 'evidence_finality_undecided' : a.pack.bytes ? verifyPack(a.pack.bytes, chain.beacon, final) : 'evidence_part_missing';
        if (why) open(why);
      }
      if (undecided.length === before) { passed.add(`eip155:${a.chainId}`); proven = Math.min(proven, block.time * 1000); }
    } catch (e) { if (e.outcome === 'indeterminate') open(e.code); else throw e; }
    for (const p of trust.require ?? h.promise ?? []) if (!passed.has(p)) open('evidence_anchor_missing'); // 11
    if (passed.size === 0) open('evidence_anchor_missing');
    const claimed = Date.parse(h.time), now = Date.parse(trust.now);                                       // 12
    const key = trust.keys.find((k) => k.issuer === h.issuer && k.method === sig.method);
    if (!key) open('issuer_not_trusted');
    else {
      let ok = false;
      try { ok = sig.alg === 'Ed25519' && ed25519.verify(sig.value, cat(utf8('chancery batch header v1\0'), head), unhex(key.ed25519), { zip215: false }); } catch { /* not a signature */ }
      need(ok, 'signature_invalid');
      const [from, until, revoked] = [key.from, key.until, key.revoked].map((t) => t && Date.parse(t));
      if (revoked && proven >= revoked) open('key_revoked');
      else need(!(from && claimed < from) && !(until && claimed >= until), 'key_outside_validity');
      if (until && now >= until && proven >= until) open('key_time_unproven');
    }
    need(claimed <= (proven === Infinity ? now : proven) + 3600e3, 'evidence_time');                       // 13
    for (const k of trust.known) need(k.issuer !== h.issuer || k.seq !== h.seq || h.tenant || k.digest === hex(D), 'evidence_split'); // 14
    return undecided.length ? { outcome: 'indeterminate', code: undecided[0] } : { outcome: 'valid', code: '' };  // 15
  } catch (e) {
    if (e instanceof Fault) return { outcome: e.outcome, code: e.code };
    throw e;
  }
}

if (process.argv[2]) {
  const { cases } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
  const out = cases.map((c) => ({ name: c.name, ...verify(new Uint8Array(Buffer.from(c.bundle, 'base64')), unhex(c.digest), c.trust, new Uint8Array(Buffer.from(c.parts ?? '', 'base64'))) }));
  console.log(JSON.stringify(out));
}
