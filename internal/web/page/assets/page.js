// Adds what pages can do without: buttons that copy, and one that prints.
"use strict";
(() => {
  const status = document.querySelector("[data-copied]");
  const select = (code) => {
    const range = document.createRange();
    range.selectNodeContents(code);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  };
  const copy = async (code) => {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    }
    select(code);
    return document.execCommand("copy");
  };
  if (status) {
    for (const code of document.querySelectorAll("dd code, .code code")) {
      const button = document.createElement("button");
      const label = code.closest("div") && code.closest("div").querySelector("dt");
      button.type = "button";
      button.className = "copy";
      button.textContent = status.dataset.copy;
      button.lang = document.documentElement.lang;
      if (label) button.setAttribute("aria-label", status.dataset.copy + ": " + label.textContent);
      button.addEventListener("click", () => {
        copy(code).then((done) => {
          if (!done) return;
          status.textContent = button.textContent = status.dataset.copied;
          setTimeout(() => { button.textContent = status.dataset.copy; status.textContent = ""; }, 2000);
        }, () => select(code));
      });
      code.after(" ", button);
    }
  }
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }
})();
