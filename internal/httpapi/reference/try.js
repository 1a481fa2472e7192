// Adds a form to every operation of the reference, to try it from this page's own origin.
// The key is read from its field when a request is sent, and kept nowhere.
"use strict";
(() => {
  const key = document.getElementById("key");
  if (!key) return;
  key.hidden = false;
  const token = document.getElementById("token");

  const field = (form, text, name, value) => {
    const label = document.createElement("label");
    label.append(text + " ");
    const input = document.createElement("input");
    input.name = name;
    input.value = value || "";
    input.autocomplete = "off";
    label.append(input);
    form.append(label);
    return input;
  };

  const build = (op) => {
    const form = document.createElement("form");
    form.className = "try";
    form.noValidate = true;
    const params = [];
    for (const row of op.querySelectorAll("tr[data-name]")) {
      const { name, in: place, example } = row.dataset;
      if (place === "header" && name === "X-Tenant") continue;
      params.push({ name, place, input: field(form, name + " (" + place + ")", name, place === "path" ? example : "") });
    }
    const sample = op.querySelector("pre.body");
    let body, file;
    if (sample && sample.dataset.type === "multipart/form-data" ) {
      file = field(form, "file", "file");
      file.type = "file";
    } else if (sample) {
      const label = document.createElement("label");
      label.append("body, " + sample.dataset.type);
      body = document.createElement("textarea");
      body.spellcheck = false;
      body.value = sample.textContent;
      label.append(body);
      form.append(label);
    }
    const send = document.createElement("button");
    send.textContent = "Try";
    const out = document.createElement("pre");
    out.setAttribute("aria-live", "polite");
    out.tabIndex = 0; // it scrolls
    out.hidden = true;
    form.append(send, out);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      run(op, params, sample, body, file, out);
    });
    op.append(form);
  };

  const run = async (op, params, sample, body, file, out) => {
    let path = op.dataset.path;
    const query = new URLSearchParams();
    const headers = {};
    for (const p of params) {
      const value = p.input.value;
      if (p.place === "path") path = path.replace("{" + p.name + "}", encodeURIComponent(value));
      else if (value === "") continue;
      else if (p.place === "query") query.set(p.name, value);
      else headers[p.name] = value;
    }
    if (token.value.trim()) headers.Authorization = "Bearer " + token.value.trim();
    const init = { method: op.dataset.method, headers, credentials: "omit", cache: "no-store" };
    if (file && file.files.length) {
      init.body = new FormData();
      init.body.append("file", file.files[0]);
    } else if (body && body.value.trim()) {
      if (sample.dataset.type === "application/x-www-form-urlencoded") {
        try { init.body = new URLSearchParams(JSON.parse(body.value)); } catch { init.body = body.value; }
      } else {
        init.body = body.value;
      }
      headers["Content-Type"] = sample.dataset.type;
    }
    out.hidden = false;
    out.textContent = "…";
    try {
      const answer = await fetch(path + (query.size ? "?" + query : ""), init);
      const type = answer.headers.get("Content-Type") || "";
      const lines = [answer.status + " " + answer.statusText];
      for (const name of ["Content-Type", "Location", "ETag", "Retry-After", "X-Request-Id"]) {
        const value = answer.headers.get(name);
        if (value) lines.push(name + ": " + value);
      }
      const text = /json|text|svg|vc/.test(type) ? await answer.text() : "(" + (await answer.arrayBuffer()).byteLength + " bytes)";
      out.textContent = lines.join("\n") + "\n\n" + text;
    } catch (error) {
      out.textContent = "No answer: " + error.message;
    }
  };

  for (const op of document.querySelectorAll("details.operation")) {
    op.addEventListener("toggle", () => build(op), { once: true });
  }
  const open = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === "DETAILS") target.open = true;
  };
  addEventListener("hashchange", open);
  open();
})();
