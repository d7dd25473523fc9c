// Making elements. Text from a run only ever becomes text nodes and attribute values; no sink that
// parses markup is used anywhere in these scripts, and the page's policy forbids them all.

// make("p.note", {title: "…"}, child, …): an element; null and false children are left out.
function make(kind, attributes, ...children) {
  const [tag, ...classes] = kind.split(".");
  return fill(document.createElement(tag), classes, attributes, children);
}

function draw(kind, attributes, ...children) {
  const [tag, ...classes] = kind.split(".");
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  return fill(element, classes, attributes, children);
}

function fill(element, classes, attributes, children) {
  if (classes.length) element.classList.add(...classes.filter(Boolean));
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== false));
  return element;
}

function fact(name, ...value) {
  return make("div", null, make("dt", null, name), make("dd", null, ...value));
}

// A duration for people, as the Python side writes it.
function duration(seconds) {
  const size = Math.abs(seconds);
  if (size < 0.01) return `${Math.round(seconds * 10000) / 10} ms`;
  if (size < 1) return `${Math.round(seconds * 1000)} ms`;
  return `${seconds.toFixed(2)} s`;
}

function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

// An author's sentences, what stands in backquotes set as code.
function prose(text) {
  return text.split(/`([^`]+)`/).map((part, place) => (place % 2 ? make("code", null, part) : part));
}

const TONES = {
  PASS: "pass", FAIL: "fail", INCONCLUSIVE: "unknown", XFAIL: "declared",
  UNSUPPORTED: "silent", UNSPECIFIED: "silent",
};

function badge(outcome) {
  return make(`span.badge.${TONES[outcome] || "silent"}`, null, outcome);
}

// A button that puts `text` on the clipboard; where a page may not, it selects what to copy.
function copyButton(text, shown) {
  const button = make("button.copy", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(shown);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  return button;
}

function command(text) {
  const code = make("code", null, text);
  return make("span.command", null, code, copyButton(text, code));
}
