// Reads lines of JSON {op, value} and answers each with the result of
// @vaultie/lds-merkle-proof-2019: "decode" takes a proofValue, "encode" its JSON form.
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'
const { Encoder, Decoder } = createRequire(import.meta.url)('@vaultie/lds-merkle-proof-2019')

for await (const line of createInterface({ input: process.stdin })) {
  const { op, value } = JSON.parse(line)
  let answer
  try {
    answer = { ok: true, result: op === 'decode' ? new Decoder(value).decode() : new Encoder(value).encode().toString() }
  } catch (e) {
    answer = { ok: false, result: String(e) }
  }
  console.log(JSON.stringify(answer))
}
