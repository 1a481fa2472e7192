// Runs the verifier: in a worker, so that the page never freezes, or on the page itself
// where a browser refuses workers. It hands bytes in and takes reports out; it decides
// nothing. The page's side is in app.js.
"use strict";

globalThis.verifierEngine = (() => {
	const BLOCK = 1 << 20; // large files are read in blocks of this size
	const HELD = 48; // and so many of them are kept

	let running; // a promise: the program has started

	// start compiles and starts the program. source is {url}, or {packed}: gzip.
	function start(source) {
		running ??= launch(source);
		return running;
	}

	async function launch(source) {
		let response;
		if (source.url) {
			response = await fetch(source.url, { credentials: "omit" });
			if (!response.ok) throw new Error("the verifier could not be fetched: " + response.status);
		} else {
			const plain = new Blob([source.packed]).stream().pipeThrough(new DecompressionStream("gzip"));
			response = new Response(plain, { headers: { "Content-Type": "application/wasm" } });
		}
		const go = new Go();
		const { instance } = await WebAssembly.instantiateStreaming(response, go.importObject);
		await new Promise((resolve, reject) => {
			globalThis.chanceryReady = resolve;
			go.run(instance).then(() => reject(new Error("the verifier stopped")), reject);
		});
	}

	// reader reads a file as the program asks for it, null where the browser cannot.
	function reader(file, tell) {
		if (file.buffer) {
			const whole = new Uint8Array(file.buffer);
			return { name: file.name, size: whole.length, read: (at, n) => whole.subarray(at, at + n) };
		}
		const blob = file.blob;
		const sync = new FileReaderSync();
		const blocks = new Map();
		const fetchRange = (from, to) => {
			const b = new Uint8Array(sync.readAsArrayBuffer(blob.slice(from, to)));
			tell(b.length);
			return b;
		};
		const block = (i) => {
			let b = blocks.get(i);
			if (!b) {
				if (blocks.size >= HELD) blocks.delete(blocks.keys().next().value);
				b = fetchRange(i * BLOCK, Math.min(blob.size, (i + 1) * BLOCK));
				blocks.set(i, b);
			}
			return b;
		};
		const read = (at, n) => {
			try {
				if (n >= BLOCK) return fetchRange(at, Math.min(blob.size, at + n));
				const out = new Uint8Array(Math.max(0, Math.min(n, blob.size - at)));
				for (let done = 0; done < out.length; ) {
					const i = Math.floor((at + done) / BLOCK);
					const from = at + done - i * BLOCK;
					const part = block(i).subarray(from, from + out.length - done);
					if (part.length === 0) return null;
					out.set(part, done);
					done += part.length;
				}
				return out;
			} catch {
				return null;
			}
		};
		return { name: file.name, size: blob.size, read };
	}

	// answer carries out one request: {kind, …}. post tells how far it has come.
	async function answer(m, post) {
		switch (m.kind) {
			case "start":
				await start(m.source);
				return true;
			case "trust":
				await running;
				return chancery.trust(m.bytes);
			case "qr":
				await running;
				return chancery.qr(m.pixels, m.width, m.height);
			case "judge": {
				await running;
				let total = 0, done = 0, told = 0;
				for (const f of m.files) total += f.buffer ? f.buffer.byteLength : f.blob.size;
				const tell = (n) => {
					done += n;
					const now = Math.min(99, Math.floor((100 * done) / Math.max(1, total)));
					if (now > told) post({ progress: (told = now) });
				};
				const files = m.files.map((f) => reader(f, tell));
				return chancery.judge({ ...m.request, files });
			}
		}
		throw new Error("unknown request");
	}

	return { answer };
})();

if (typeof document === "undefined") {
	self.onmessage = async ({ data }) => {
		const post = (m) => self.postMessage({ id: data.id, ...m });
		try {
			post({ result: await verifierEngine.answer(data, post) });
		} catch (fault) {
			post({ fault: String((fault && fault.message) || fault) });
		}
	};
}
