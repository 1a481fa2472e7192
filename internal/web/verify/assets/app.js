// The page's side: takes files, asks the verifier, and puts its report into words. All
// text from documents goes into text nodes; nothing here makes HTML from strings.
"use strict";

(() => {
	const $ = (id) => document.getElementById(id);
	const own = $("app").dataset;
	const saved = $("program") !== null; // the page is one file from a disk
	const dictionaries = JSON.parse($("words").textContent);
	const MAX_QR_SIDE = 1600;

	// ---- words

	let words = dictionaries[document.documentElement.lang] || Object.values(dictionaries)[0];

	// clean makes one line of text by strangers: what is not seen, or turns the direction
	// of writing, is taken out.
	const clean = (s, max = 300) => {
		const t = String(s).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").replace(/[\p{Cf}\p{Co}\p{Cs}\ufffd]/gu, (c) => (c === "\u200c" || c === "\u200d" ? c : "")).replace(/((?:[\p{Mn}\p{Me}]\u200c*\u200d*){8})[\p{Mn}\p{Me}\u200c\u200d]+/gu, "$1").trim();
		return [...t].length > max ? [...t].slice(0, max).join("") + "…" : t;
	};
	const isolated = (s) => "\u2068" + s + "\u2069";
	const say = (key, values = {}) => (words[key] ?? key).replace(/\{(\w+)\}/g, (all, name) => (name in values ? isolated(clean(values[name])) : all));
	const has = (key) => key in words;
	const number = (s) => String(s).replace(/[0-9]/g, (d) => [...words.digits][d]);
	const date = (iso) => {
		const [y, m, d] = iso.slice(0, 10).split("-").map(Number);
		return words.date.replace("{day}", number(d)).replace("{month}", words["month." + m]).replace("{year}", number(y));
	};
	const when = (iso) => words.datetime.replace("{date}", date(iso)).replace("{time}", number(iso.slice(11, 16)));
	const short = (x) => number((x < 9.95 ? x.toFixed(1) : x.toFixed(0)).replace(".", words.decimal));
	const size = (n) => (n < 1000 ? say("size.B", { n: number(n) }) : n < 1e6 ? say("size.kB", { n: short(n / 1e3) }) : say("size.MB", { n: short(n / 1e6) }));

	// ---- elements

	function el(tag, attributes = {}, ...children) {
		const e = document.createElement(tag);
		for (const [k, v] of Object.entries(attributes)) {
			if (k === "on") e.addEventListener("click", v);
			else if (v !== undefined && v !== false) e.setAttribute(k, v === true ? "" : v);
		}
		e.append(...children.filter((c) => c !== null && c !== undefined && c !== ""));
		return e;
	}
	// technical text is English, or no language at all, in every language of the page.
	const code = (s) => el("bdi", { class: "code", dir: "ltr", lang: "en" }, clean(s, 4000));

	// shapes of the icons: each verdict and result has its own.
	const shapes = {
		valid: ["M24 3l5.5 4.2 6.9-.6 2.5 6.4 6 3.4-1.7 6.7 3 6.2-5.3 4.5-.8 6.8-6.9.9-4.6 5.2-6.3-2.9-6.3 2.9-4.600-5.200-6.900-.900-.8-6.800L2.400 29.300l3-6.200L3.700 16.400l6-3.400 2.500-6.400 6.900.6z", "M15 24.500l6 6 12-13"],
		invalid: ["M15.500 3.500h17L44.500 15.500v17L32.500 44.500h-17L3.500 32.500v-17z", "M16.500 16.500l15 15M31.500 16.500l-15 15"],
		undecided: ["M24 4L46 43H2z", "M19.500 23c.3-6.500 9-6 9 0 0 4-4.500 3.800-4.500 8M24 37v.2"],
		revoked: ["M24 3.500a20.500 20.500 0 1 0 .01 0z", "M9.500 38.500l29-29"],
		suspended: ["M5 5h38v38H5z", "M18 16v16M30 16v16"],
		expired: ["M9 4h30M9 44h30M12 4c0 12 12 13 12 20 0-7 12-8 12-20M12 44c0-12 12-13 12-20 0 7 12 8 12 20", "M19 38h10"],
		notyet: ["M24 3.500a20.500 20.500 0 1 0 .01 0z", "M24 12v12l8 6"],
		pass: ["M4 25l14 14L44 9"],
		fail: ["M8 8l32 32M40 8L8 40"],
		indeterminate: ["M13 15c.5-14 22-13 22 1 0 10-11 9-11 18M24 43v.5"],
		skipped: ["M8 24h32"],
	};
	function icon(name) {
		const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
		svg.setAttribute("viewBox", "0 0 48 48");
		svg.setAttribute("class", name in { pass: 1, fail: 1, indeterminate: 1, skipped: 1 } ? "icon small" : "icon");
		svg.setAttribute("aria-hidden", "true");
		for (const d of shapes[name]) {
			const p = document.createElementNS("http://www.w3.org/2000/svg", "path");
			p.setAttribute("d", d);
			svg.append(p);
		}
		return svg;
	}

	async function copyText(text, button) {
		try {
			await navigator.clipboard.writeText(text);
		} catch {
			const area = el("textarea", { readonly: true, class: "unseen" }, text);
			document.body.append(area);
			area.select();
			document.execCommand("copy");
			area.remove();
			button.focus();
		}
		button.textContent = say("copied");
		announce(say("copied"));
		setTimeout(() => (button.textContent = button.dataset.text), 1500);
	}
	const copyButton = (text, label = "copy", cls = "second tiny") => el("button", { type: "button", class: cls, "data-text": say(label), on: (e) => copyText(text, e.currentTarget) }, say(label));
	const announce = (text) => ($("live").textContent = text);

	// ---- the verifier

	const possible = typeof WebAssembly === "object" && typeof WebAssembly.instantiateStreaming === "function" && (!saved || typeof DecompressionStream === "function");
	let engine; // a promise of {ask, worker}
	let requests = 0;

	function packedProgram() {
		const text = atob($("program").textContent.trim());
		const b = new Uint8Array(text.length);
		for (let i = 0; i < b.length; i++) b[i] = text.charCodeAt(i);
		return b;
	}

	function startWorker() {
		const url = saved ? URL.createObjectURL(new Blob([$("engine").textContent], { type: "text/javascript" })) : own.worker;
		const worker = new Worker(url);
		const waiting = new Map();
		const lost = new Promise((_, reject) => (worker.onerror = (e) => reject(new Error(e.message || "worker"))));
		lost.catch(() => {});
		worker.onmessage = ({ data }) => {
			const w = waiting.get(data.id);
			if (!w) return;
			if ("progress" in data) return w.progress?.(data.progress);
			waiting.delete(data.id);
			"fault" in data ? w.reject(new Error(data.fault)) : w.resolve(data.result);
		};
		const ask = (m, progress, transfer = []) => {
			const id = ++requests;
			return Promise.race([lost, new Promise((resolve, reject) => {
				waiting.set(id, { resolve, reject, progress });
				worker.postMessage({ ...m, id }, transfer);
			})]);
		};
		return { ask, worker };
	}

	// here runs the verifier on the page itself, where workers are refused.
	async function startHere() {
		if (!saved) {
			await new Promise((resolve, reject) => document.head.append(Object.assign(el("script", { src: own.worker }), { onload: resolve, onerror: reject })));
		}
		return { ask: async (m) => globalThis.verifierEngine.answer(m, () => {}), worker: null };
	}

	async function launch() {
		const source = saved ? { packed: packedProgram() } : { url: new URL(own.wasm, location.href).href };
		let e;
		try {
			e = startWorker();
			await e.ask({ kind: "start", source });
		} catch (fault) {
			e?.worker.terminate();
			e = await startHere();
			await e.ask({ kind: "start", source });
		}
		return e;
	}
	const verifier = () => (engine ??= launch().catch((fault) => { engine = undefined; throw fault; }));

	// ---- trust

	const trust = { kind: own.trust || saved ? "wait" : "none", bytes: null, name: "", facts: null };
	let choices = 0; // the newest of them holds, however long an earlier one takes
	let siteTrust = null; // what the page came with
	const testIssuers = new Set();
	const ANY = new TextEncoder().encode('{"version":1,"any":true}');

	async function loadTrust() {
		if (saved) {
			const text = JSON.parse($("savedtrust").textContent);
			siteTrust = text === null ? null : new TextEncoder().encode(text);
		} else if (own.trust) {
			try {
				const r = await fetch(own.trust, { credentials: "omit" });
				if (r.ok) siteTrust = new Uint8Array(await r.arrayBuffer());
			} catch { /* the page says that none is in force */ }
		}
		if (!choices) await useTrust(siteTrust ? (saved ? "baked" : "site") : "none", siteTrust);
	}

	async function useTrust(kind, bytes, name = "") {
		const mine = ++choices;
		$("trustfault").textContent = "";
		let facts = null;
		if (bytes && possible) {
			facts = await (await verifier()).ask({ kind: "trust", bytes });
			if (mine !== choices) return false;
			if (facts.error) {
				if (trust.kind === "wait" && kind === "own") {
					choices = 0; // what is not one keeps none from its place
					await loadTrust();
				} else if (trust.kind === "wait") {
					trust.kind = "none";
					showTrust();
				}
				$("trustfault").textContent = say("trust.bad") + " " + clean(facts.error);
				return false;
			}
		}
		for (const i of facts?.issuers || []) if (/ \(TEST\)$/.test(i.name || "")) testIssuers.add(i.id);
		Object.assign(trust, { kind, bytes, name, facts });
		showTrust();
		return true;
	}

	function showTrust() {
		$("trusttext").textContent = say("trust." + trust.kind, { name: trust.name });
		$("trustany").hidden = trust.kind === "any";
		$("trustreset").hidden = trust.kind === "none" || trust.kind === "wait" || trust.kind === "site" || trust.kind === "baked";
		const f = trust.facts;
		if (!f || trust.kind === "any") return $("trustfacts").replaceChildren();
		const list = el("dl");
		const row = (key, ...values) => values.length && list.append(el("dt", {}, say(key)), el("dd", {}, ...values));
		const items = (values) => (values.length ? [el("ul", {}, ...values.map((v) => el("li", {}, v)))] : []);
		const names = (values) => items(values.slice(0, 50).map(code).concat(values.length > 50 ? ["…"] : []));
		row("trust.digest", code(f.digest), " ", copyButton(f.digest));
		if (f.any) row("trust.issuers", say("trust.everyone"));
		else row("trust.issuers", ...items(f.issuers.slice(0, 50).map((i) => el("span", {}, i.name ? el("bdi", {}, clean(i.name)) : "", i.name ? " " : "", code(i.id))).concat(f.issuers.length > 50 ? ["…"] : [])));
		row("trust.roots", ...names(f.roots));
		row("trust.tsa", ...names(f.tsaRoots));
		row("trust.chains", ...items(f.chains.map((c) => code((c.name ? c.name + ", " : "") + c.id))));
		if (f.statusLists) row("trust.lists", number(f.statusLists));
		$("trustfacts").replaceChildren(el("details", { class: "fold" }, el("summary", {}, say("trust.details")), list));
	}

	// ---- files

	let turn = 0;

	async function check(files, options = {}) {
		files = [...files];
		if (!files.length) return;
		const mine = ++turn;
		if (!possible) return offerUpload(files);
		busy(files.length === 1 ? say("checking", { name: files[0].name }) : say("checking.several", { n: number(files.length) }));
		try {
			await ready; // the trust file, too: a document is never judged without it
			const e = await verifier();
			const given = e.worker ? files.map((f) => ({ name: f.name, blob: f })) : await Promise.all(files.map(async (f) => ({ name: f.name, buffer: await f.arrayBuffer() })));
			const request = { trust: trust.bytes, at: new Date().toISOString(), password: options.password || "" };
			const answer = await e.ask({ kind: "judge", files: given, request }, (p) => ($("progress").value = p));
			if (mine !== turn) return;
			if (answer.error) return fail(say("unread", { name: files[0].name }), answer.error);
			await show(answer.cases.map((c) => (c.error ? { ...c, files } : { ...c, files, text: c.report, report: JSON.parse(c.report) })));
		} catch (fault) {
			if (mine !== turn) return;
			if (!(await verifier().then(() => true, () => false))) return offerUpload(files);
			engine?.then((e) => e.worker?.terminate(), () => {});
			engine = undefined; // a program that stopped is started anew
			fail(say("broken"), fault.message);
		}
	}

	function busy(text) {
		$("statetext").textContent = text;
		announce(text);
		$("progress").removeAttribute("value");
		$("state").hidden = false;
	}
	const idle = () => ($("state").hidden = true);

	function fail(text, detail) {
		place([el("article", { class: "notice" }, el("h2", {}, text), detail ? el("p", {}, code(detail)) : null)], text);
	}

	function place(cards, spoken) {
		idle();
		$("cards").replaceChildren(...cards);
		$("verdicts").hidden = false;
		$("columns").classList.add("found");
		announce(spoken);
		$("verdictstitle").focus({ preventScroll: true });
		$("verdicts").scrollIntoView({ block: "start", behavior: "auto" });
	}

	async function show(cases) {
		const cards = [];
		for (const c of cases) cards.push(await card(c));
		const spoken = (cases.length > 1 ? say("done", { n: number(cases.length) }) + " " : "") + cases.map((c) => c.error ? say("unread", { name: c.files[c.file].name }) : c.files[c.file].name + ": " + (isTest(c.report) ? say("test.word") + ". " : "") + sentence(c.report)).join(" ");
		place(cards, spoken);
	}

	// ---- verdicts

	// cause is the report that decided: a document falls with a credential inside it, and a
	// proof with the document that it is about.
	function cause(r) {
		if (r.outcome === "invalid" && r.checks.find((k) => k.required && k.result === "fail")?.id === "inner") {
			const inner = (r.sub || []).map((s) => s.report).find((s) => s.outcome === "invalid");
			if (inner) return cause(inner);
		}
		return r;
	}

	function stateOf(r) {
		if (r.outcome === "valid") return "valid";
		if (r.outcome !== "invalid") return "undecided";
		return { revoked: "revoked", suspended: "suspended", expired: "expired", not_yet_valid: "notyet" }[cause(r).reason] || "invalid";
	}

	const credentialIn = (r) => (r.sub || []).map((s) => s.report).find((s) => s.outcome === "valid" && s.issuer?.name && s.validFrom) || null;
	// What a test issuer made is marked, whatever is in force: the trust file of the page
	// tells which ones they are by their names, and the server by the environment.
	const isTest = (r) => r.environment === "test" || testIssuers.has(r.issuer?.id) || (r.sub || []).some((s) => isTest(s.report));
	// The verdict on a ZIP says of each file what became of it, and how it is called.
	const filesIn = (r) => Object.assign({}, ...r.checks.map((k) => k.evidence || {}));
	const isZIP = (r) => r.mediaType === "application/zip" || "file.1" in filesIn(r);
	const isAny = (r) => r.insecure.includes("any issuer is trusted");
	const nameOf = (party) => party?.name || party?.id || "";

	function sentence(r) {
		const state = stateOf(r), c = cause(r);
		// A name that nothing ties to a trusted issuer is the document's own word: it is not
		// put into the verdict.
		const known = r.outcome === "valid" || c.checks.some((k) => k.id === "issuerTrust" && k.result === "pass");
		const issuer = known ? nameOf(c.issuer) : "", on = c.validFrom ? date(c.validFrom) : "";
		const reason = c.reason ? words["reason." + c.reason] || words.noreason : words.noreason;
		switch (state) {
			case "valid": {
				if (isZIP(r)) return say("valid.zip");
				const inside = credentialIn(r);
				const existed = r.checks.flatMap((k) => Object.entries(k.evidence || {})).find(([name]) => name.startsWith("existedBefore"));
				if (r.mediaType === "application/pdf") return inside ? say("valid.pdf.inside", { issuer: nameOf(inside.issuer), date: date(inside.validFrom) }) : say("valid.pdf");
				if (/^Evidence/.test(r.model || "")) return existed && issuer ? say("valid.proof.time", { issuer, date: when(existed[1]) }) : say("valid.proof");
				if (!issuer) return say("valid.proof");
				if (!on) return say("valid.plain", { issuer });
				const looked = r.checks.some((k) => k.id === "status" && k.result === "pass" && k.required && k.evidence);
				return say(looked ? "sentence.valid" : "sentence.valid.nostatus", { issuer, date: on, checked: say("sentence.justnow") });
			}
			case "revoked": return say("sentence.revoked", { issuer: issuer || words["someone.start"] }).replace("{on}", "");
			case "suspended": return say("sentence.suspended", { issuer: issuer || words["someone.start"] });
			case "expired": return say("sentence.expired", { issuer: issuer || words.someone }).replace("{until}", c.validUntil ? say("sentence.until", { date: date(c.validUntil) }) : "");
			case "notyet": return on ? say("sentence.notyet", { issuer: issuer || words.someone, from: on }) : say("state.notyet") + ". " + reason;
			case "undecided": return words["sentence.undecided"].replace("{reason}", () => reason);
		}
		const failed = c.checks.find((k) => k.required && k.result === "fail");
		return words["sentence.invalid"].replace("{check}", () => title(failed?.id || "document")).replace("{reason}", () => reason);
	}

	// said takes the word that a sentence begins with out of it, to be shown larger.
	function said(state, text, test) {
		const word = say("state." + state);
		const rest = text.startsWith(word) ? text.slice(word.length).replace(/^[.:]\s*/, "") : text;
		return [el("span", { class: "word" }, test ? word + " · " + say("test.word") : word), el("span", { class: "unseen" }, ". "), el("span", { class: "rest" }, rest)];
	}

	const title = (id) => words["check." + id + ".title"] || words["check.unknown.title"];

	async function card(c) {
		if (c.error) return el("article", { class: "notice", "data-state": "unread" }, el("h2", {}, say("unread", { name: c.files[c.file].name })), el("p", {}, code(c.error)));
		const r = c.report, state = stateOf(r);
		const file = c.files[c.file];
		const head = el("p", { class: "file" }, el("bdi", {}, clean(file.name)), c.inside ? [": ", clean(c.inside)].join("") : "", " · ", size(file.size), c.document >= 0 ? " · " + say("with", { name: c.files[c.document].name }) : "", c.note ? " · " + c.note : "");
		const test = isTest(r);
		const heading = el("h2", { class: "verdict" }, icon(state), ...said(state, sentence(r), test));
		const card = el("article", { class: "card " + state + (test ? " is-test" : ""), "data-outcome": r.outcome, "data-state": state, "data-reason": r.reason || "" }, head, test ? el("p", { class: "test" }, el("strong", {}, say("test.word")), " ", say("test.note")) : "", heading);
		if (isAny(r)) card.append(el("p", { class: "warn" }, say("trust.any")));
		const advice = words["advice." + cause(r).reason];
		if (r.outcome !== "valid" && advice) card.append(el("p", {}, el("strong", {}, say("advice") + ": "), advice));
		if (r.checks.some((k) => k.code === "pdf_locked")) card.append(passwordForm(c));
		if (r.outcome !== "valid" && trustFile(r) && file.size < 64e6) await offerTrust(card, file);
		card.append(...claims(r), ...checks(r), ...notes(r), ...inside(r), technical(r), actions(c));
		return card;
	}

	function claims(r) {
		const list = el("dl");
		const row = (key, value) => value && list.append(el("dt", {}, say(key)), el("dd", {}, value));
		const isDate = (v) => (v ? date(v) : "");
		row("fact.what", clean(r.subject?.type || ""));
		row("fact.subject", clean(nameOf(r.subject)));
		row("fact.issuer", nameOf(r.issuer) && el("bdi", {}, clean(nameOf(r.issuer))));
		row("fact.from", isDate(r.validFrom));
		row("fact.until", isDate(r.validUntil));
		if (!list.children.length) return [];
		return [el("h3", {}, say("claims")), r.outcome === "valid" ? null : el("p", { class: "small" }, say("claims.unproven")), list].filter(Boolean);
	}

	// grouped puts checks of one kind together, the gravest in front: a PDF has several
	// signatures.
	function grouped(list) {
		const rank = { fail: 0, indeterminate: 1, skipped: 2, pass: 3 };
		const groups = new Map();
		for (const k of list) groups.set(k.id, [...(groups.get(k.id) || []), k]);
		return [...groups.values()].map((g) => [...g].sort((a, b) => rank[a.result] - rank[b.result] + (b.required - a.required) * 10 * (a.result !== "pass" || b.result !== "pass")));
	}

	function explain(k) {
		if (k.result === "pass" && k.id === "anchor" && k.evidence && "batchDigest" in k.evidence && !("chain" in k.evidence)) return words["check.anchor.listed"];
		if (k.result === "pass") return words["check." + k.id + ".pass"] || words["check.unknown.pass"];
		if (k.code && has("reason." + k.code)) return words["reason." + k.code];
		if (k.result === "skipped") return words[k.required ? "check.skipped.required" : "check.skipped"];
		return words["check.nopass"];
	}

	function checks(r) {
		if (!r.checks.length) return [];
		const passed = r.checks.filter((k) => k.result === "pass").length, made = r.checks.filter((k) => k.result !== "skipped" || k.required).length;
		const items = grouped(r.checks).map((g) => {
			const k = g[0];
			const details = el("div");
			for (const one of g) {
				const list = el("dl");
				for (const [name, value] of Object.entries(one.evidence || {})) list.append(el("dt", {}, code(name)), el("dd", {}, code(value), value.length > 20 ? " " : "", value.length > 20 ? copyButton(value) : ""));
				if (one.code) details.append(el("p", {}, say("fact.code") + ": ", code(one.code)));
				if (one.detail) details.append(el("p", {}, g.length > 1 ? say("result." + one.result) + ": " : "", code(one.detail)));
				if (list.children.length) details.append(list);
			}
			return el("li", { class: k.result, "data-check": k.id }, icon(k.result), el("div", {},
				el("span", { class: "name" }, title(k.id)), el("span", { class: "result" }, say("result." + k.result)), el("p", {}, explain(k)),
				details.children.length ? el("details", { class: "fold" }, el("summary", {}, say("technical")), details) : ""));
		});
		return [el("h3", {}, say("checks"), el("small", {}, say("count", { passed: number(passed), all: number(made) }))), el("ul", { class: "checks" }, ...items)];
	}

	function notes(r) {
		const out = [];
		const findings = (r.findings || []).filter((f) => f.grade !== "note");
		if (findings.length) out.push(el("h3", {}, say("findings")), el("ul", {}, ...findings.slice(0, 50).map((f) => el("li", {}, code(f.message + (f.pointer ? " (" + f.pointer + ")" : ""))))));
		if (r.insecure.length) out.push(el("h3", {}, say("insecure")), el("ul", {}, ...r.insecure.map((s) => el("li", {}, code(s)))));
		return out;
	}

	function inside(r) {
		if (!r.sub?.length) return [];
		const names = filesIn(r);
		return [el("h3", {}, say(isZIP(r) ? "inside.zip" : "inside")), ...r.sub.slice(0, 1000).map((s) => {
			const state = stateOf(s.report), name = s.relation === "file" ? names["name." + (Number(s.pointer.split("/").pop()) + 1)] : "";
			return el("details", { class: "sub " + state }, el("summary", {}, name ? el("bdi", {}, clean(name)) : "", name ? ": " : "", sentence(s.report)), ...claims(s.report), ...checks(s.report), ...notes(s.report), ...inside(s.report));
		})];
	}

	function technical(r) {
		const list = el("dl");
		const row = (key, ...values) => list.append(el("dt", {}, say(key)), el("dd", {}, ...values));
		if (r.reason) row("fact.code", code(r.reason));
		if (r.digest) row("fact.digest", code(r.digest), " ", copyButton(r.digest));
		if (r.id) row("fact.id", code(r.id), " ", copyButton(r.id));
		if (r.issuer?.id) row("fact.issuer", code(r.issuer.id), " ", copyButton(r.issuer.id));
		if (r.mediaType) row("fact.media", code(r.mediaType));
		if (r.model) row("fact.model", code(r.model));
		if (r.profile) row("fact.profile", code(r.profile));
		row("fact.at", when(r.evaluatedAt));
		if (r.trustInputs.length) row("fact.inputs", el("ul", {}, ...r.trustInputs.map((d) => el("li", {}, code(d), " ", copyButton(d)))));
		return el("details", { class: "fold facts" }, el("summary", {}, say("facts")), list);
	}

	function actions(c) {
		const text = JSON.stringify(c.report, null, 2) + "\n";
		const save = () => {
			const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
			const a = el("a", { href: url, download: c.files[c.file].name.replace(/\.[^.]*$/, "") + ".report.json" });
			a.click();
			setTimeout(() => URL.revokeObjectURL(url), 10000);
		};
		return el("div", { class: "row actions" }, copyButton(text, "report.copy", "second"), el("button", { type: "button", class: "second", on: save }, say("report.save")), el("button", { type: "button", class: "second", on: () => print() }, say("print")));
	}

	let fields = 0;
	function passwordForm(c) {
		const id = "password" + ++fields;
		const input = el("input", { type: "password", id, autocomplete: "off" });
		const again = () => check([c.files[c.file], ...(c.document >= 0 ? [c.files[c.document]] : [])], { password: input.value });
		input.addEventListener("keydown", (e) => e.key === "Enter" && again());
		return el("div", {}, el("label", { for: id }, say("password.label")), input, el("button", { type: "button", on: again }, say("password.button")));
	}

	// A trust file among the documents is offered as what it is, never used unasked.
	const trustFile = (r) => r.reason === "not_a_credential";
	async function offerTrust(card, file) {
		const bytes = new Uint8Array(await file.arrayBuffer());
		const facts = await (await verifier()).ask({ kind: "trust", bytes });
		if (facts.error) return;
		card.append(el("p", { class: "warn" }, say("trust.found", { name: file.name })), el("button", { type: "button", class: "second", on: () => useTrust("own", bytes, file.name) }, say("trust.use")));
	}

	// ---- where the browser cannot

	function offerUpload(files) {
		if (saved || !own.upload) return fail(say("upload.none"));
		const host = location.host, file = files[0];
		const box = el("article", { class: "notice", "data-state": "upload" }, el("h2", {}, say("upload.title")), el("p", {}, say("upload.text", { host })), el("p", {}, say("upload.stays")),
			el("div", { class: "row" }, el("button", { type: "button", id: "send", on: () => upload(file, host) }, say("upload.ask", { name: file.name, host })), el("button", { type: "button", class: "second", on: clear }, say("upload.no"))));
		place([box], say("upload.title") + ". " + say("upload.stays"));
	}

	async function upload(file, host) {
		busy(say("checking", { name: file.name }));
		try {
			const form = new FormData();
			form.append("file", file);
			const r = await fetch(own.upload, { method: "POST", body: form, credentials: "omit", headers: { Accept: "application/json" } });
			const answer = await r.json();
			const report = answer.data && answer.data.outcome ? answer.data : answer;
			if (!r.ok || !report.outcome) throw new Error(report.detail || report.title || String(r.status));
			report.checks ??= [];
			report.insecure ??= [];
			report.trustInputs ??= [];
			report.evaluatedAt ??= new Date().toISOString();
			await show([{ files: [file], file: 0, document: -1, report, note: say("upload.done", { host }) }]);
		} catch (fault) {
			fail(words["upload.failed"].replace("{why}", () => clean(fault.message)));
		}
	}

	// ---- codes

	async function readCode(source, width, height) {
		if ("BarcodeDetector" in globalThis) {
			try {
				const found = await new BarcodeDetector({ formats: ["qr_code"] }).detect(source);
				if (found.length) return found[0].rawValue;
			} catch { /* not every browser that has it can */ }
		}
		if (!possible) return null;
		const scale = Math.min(1, MAX_QR_SIDE / Math.max(width, height));
		const w = Math.max(1, Math.round(width * scale)), h = Math.max(1, Math.round(height * scale));
		const canvas = el("canvas", { width: w, height: h });
		const context = canvas.getContext("2d", { willReadFrequently: true });
		context.fillStyle = "#fff";
		context.fillRect(0, 0, w, h);
		context.drawImage(source, 0, 0, w, h);
		const rgba = context.getImageData(0, 0, w, h).data;
		const pixels = new Uint8Array(w * h);
		for (let i = 0; i < pixels.length; i++) pixels[i] = (rgba[4 * i] * 77 + rgba[4 * i + 1] * 150 + rgba[4 * i + 2] * 29) >> 8;
		return (await verifier()).ask({ kind: "qr", pixels, width: w, height: h });
	}

	// address reads what a certificate's code holds: https://host/c/{publicId}#{digest}.
	function address(text) {
		let url;
		try { url = new URL(text.trim()); } catch { return null; }
		const secure = url.protocol === "https:" || (url.protocol === "http:" && url.host === location.host);
		return secure && !url.username && !url.password && /\/c\/[\w.~-]+\/?$/.test(url.pathname) ? url : null;
	}

	async function scanned(text) {
		stopCamera();
		const url = address(text);
		if (!url) {
			if (/^\s*(\{|ey[\w-]+\.)/.test(text)) return check([new File([text], say("paste.name"), { type: "text/plain" })]);
			return place([el("article", { class: "notice", "data-state": "code" }, el("h2", {}, say("code.title")), el("p", {}, say("code.other")), el("p", {}, code(text), " ", copyButton(text)))], say("code.other") + " " + clean(text));
		}
		const here = !saved && url.host === location.host;
		const words = here ? say("code.here") : say("code.elsewhere", { host: url.host });
		const link = el("a", { class: "button", href: url.href, rel: "noopener noreferrer" }, say("code.open"));
		place([el("article", { class: "notice", "data-state": here ? "code-here" : "code-elsewhere" }, el("h2", {}, say("code.title")), el("p", here ? {} : { class: "warn" }, words), el("p", {}, code(url.href), " ", copyButton(url.href)), link)], words);
		link.focus();
	}

	let stream = null;
	function stopCamera() {
		stream?.getTracks().forEach((t) => t.stop());
		stream = null;
		$("video").hidden = true;
		$("camera").textContent = say("scan.camera");
		$("camera").dataset.m = "scan.camera";
	}

	async function startCamera() {
		if (stream) return stopCamera();
		try {
			stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
		} catch {
			$("scantext").textContent = say("scan.nocamera");
			return;
		}
		const video = $("video");
		video.srcObject = stream;
		video.hidden = false;
		$("camera").textContent = say("scan.stop");
		$("camera").dataset.m = "scan.stop";
		$("scantext").textContent = say("scan.looking");
		await video.play();
		while (stream) {
			const text = video.videoWidth ? await readCode(video, video.videoWidth, video.videoHeight).catch(() => null) : null;
			if (text && stream) {
				$("scantext").textContent = "";
				return scanned(text);
			}
			await new Promise((r) => setTimeout(r, 200));
		}
	}

	async function scanPicture(file) {
		$("scantext").textContent = "";
		try {
			const picture = await createImageBitmap(file);
			const text = await readCode(picture, picture.width, picture.height);
			if (text) return scanned(text);
		} catch { /* not a picture: said below */ }
		$("scantext").textContent = say("scan.none");
	}

	// ---- languages, and what the visitor does

	function speak(lang) {
		words = dictionaries[lang];
		document.documentElement.lang = lang;
		document.documentElement.dir = words.dir;
		document.title = say("title");
		for (const e of document.querySelectorAll("[data-m]")) e.textContent = say(e.dataset.m);
		for (const e of document.querySelectorAll("[data-m-label]")) e.setAttribute("aria-label", say(e.dataset.mLabel));
		for (const e of document.querySelectorAll("[data-lang]")) e.toggleAttribute("aria-current", e.dataset.lang === lang), e.dataset.lang === lang && e.setAttribute("aria-current", "true");
		clear();
		showTrust();
	}

	function clear() {
		turn++;
		idle();
		$("cards").replaceChildren();
		$("verdicts").hidden = true;
		$("columns").classList.remove("found");
		announce("");
	}

	function given(text) {
		if (address(text)) return scanned(text);
		if (text.trim()) check([new File([text], say("paste.name"), { type: "text/plain" })]);
	}

	const take = (input, act) => input.addEventListener("change", () => {
		const files = [...input.files];
		input.value = "";
		if (files.length) act(files);
	});
	take($("files"), check);
	take($("picture"), ([f]) => scanPicture(f));
	take($("trustfile"), async ([f]) => useTrust("own", new Uint8Array(await f.arrayBuffer()), f.name).catch((e) => ($("trustfault").textContent = clean(e.message))));
	$("trustany").addEventListener("click", () => useTrust("any", ANY));
	$("trustreset").addEventListener("click", async () => {
		await ready.catch(() => {}); // what there is to go back to
		await useTrust(siteTrust ? (saved ? "baked" : "site") : "none", siteTrust);
	});
	$("camera").addEventListener("click", startCamera);
	$("clear").addEventListener("click", () => { clear(); $("files").focus(); });
	$("checktext").addEventListener("click", () => given($("text").value));
	$("scan").addEventListener("toggle", () => $("scan").open || stopCamera());

	const drop = $("drop");
	let depth = 0;
	const carries = (e) => [...(e.dataTransfer?.types || [])].some((t) => t === "Files" || t === "text/plain");
	addEventListener("dragenter", (e) => { if (carries(e)) { e.preventDefault(); depth++; drop.classList.add("over"); } });
	addEventListener("dragover", (e) => carries(e) && e.preventDefault());
	addEventListener("dragleave", () => { if (--depth <= 0) { depth = 0; drop.classList.remove("over"); } });
	addEventListener("drop", (e) => {
		e.preventDefault();
		depth = 0;
		drop.classList.remove("over");
		if (e.dataTransfer.files.length) check(e.dataTransfer.files);
		else given(e.dataTransfer.getData("text/plain"));
	});
	addEventListener("paste", (e) => {
		if (e.target.matches?.("textarea, input") && !e.clipboardData.files.length) return;
		if (e.clipboardData.files.length) { e.preventDefault(); check(e.clipboardData.files); } else given(e.clipboardData.getData("text/plain"));
	});
	if (saved) {
		for (const a of document.querySelectorAll("[data-lang]")) a.addEventListener("click", (e) => { e.preventDefault(); speak(a.dataset.lang); });
		const wanted = (navigator.languages || []).map((l) => l.split("-")[0].toLowerCase()).find((l) => l in dictionaries);
		if (!document.documentElement.dataset.fixed && wanted && wanted !== document.documentElement.lang) speak(wanted);
	}

	showTrust();
	// The verifier is fetched at once, so that the first verdict does not wait; on a
	// connection where bytes are dear, with the first file.
	const ready = possible && !navigator.connection?.saveData ? verifier().then(loadTrust) : loadTrust();
	ready.catch(() => { // whoever hands in a file is told
		if (trust.kind === "wait") trust.kind = "none";
		showTrust();
	});
	globalThis.verifyPage = { check, ready, ask: async (m) => (await verifier()).ask(m) };
	ready.then(() => (document.documentElement.dataset.ready = "yes"), () => (document.documentElement.dataset.ready = "no"));
})();
