// Writes what jsonld.js makes of documents: node jsonldjs.mjs CONTEXTS DOCUMENTS OUT
// CONTEXTS is a JSON object of context documents by URL, DOCUMENTS has one a line.
// Needs the npm package jsonld 9.0.0.
import {createHash} from 'node:crypto';
import {readFileSync, writeFileSync} from 'node:fs';
import {gzipSync} from 'node:zlib';
import jsonld from 'jsonld';

const [contexts, documents, out] = process.argv.slice(2);
const known = JSON.parse(readFileSync(contexts, 'utf8'));
const documentLoader = async url => {
  if(!known[url]) {
    throw new Error('unknown context ' + url);
  }
  return {contextUrl: null, documentUrl: url, document: known[url]};
};
let text = '';
for(const line of readFileSync(documents, 'utf8').trimEnd().split('\n')) {
  let result = 'refused';
  try {
    // A dataset is a set, but toRDF repeats equal JSON literals and empty lists.
    const rdf = await jsonld.toRDF(JSON.parse(line), {format: 'application/n-quads', safe: true, base: null, documentLoader});
    const quads = await jsonld.canonize([...new Set(rdf.split('\n'))].join('\n'), {
      algorithm: 'RDFC-1.0', inputFormat: 'application/n-quads', format: 'application/n-quads'
    });
    result = createHash('sha256').update(quads).digest('hex');
  } catch(e) {
    if(process.env.DEBUG) {
      console.error(e.details?.event?.code ?? e.message);
    }
  }
  text += result + '\t' + line + '\n';
}
writeFileSync(out, gzipSync(text, {level: 9}));
