// Where the reader is: the address's fragment names a scenario, a step or a cell, and is all the
// state there is, so that a link leads there and Back leads back.

const fragment = () => location.hash.slice(1);

// Open what the fragment names; the panel, if it names a cell.
function go() {
  const wanted = fragment();
  const details = document.getElementById(wanted.split(":")[0]);
  if (details && details.matches("details.scenario")) {
    if (details.hidden) clearFilters();
    ensureBody(details);
    details.open = true;
  }
  // A cell that is none, as a pod's with itself, leads to its step.
  const target = document.getElementById(wanted) || document.getElementById(wanted.replace(/:[^:]*$/, ""));
  if (target && target.matches("button.cell")) {
    if (target === current) return;
    if (!current) target.scrollIntoView({ block: "center" });
    showEvidence(target);
  } else if (current) {
    hideEvidence();
  } else if (target) {
    target.scrollIntoView({ block: "start" });
    if (target.matches(".step")) target.focus({ preventScroll: true });
  }
}

function hideEvidence() {
  const button = current;
  current = null;
  if (panel.open) panel.close();
  button.classList.remove("current");
  button.focus();
}

// Leave the panel as Back would; if the reader came by a link to the cell, there is no way back.
function leave() {
  if (!current) return;
  if (history.state && history.state.opened) {
    history.back();
  } else {
    history.replaceState(null, "", `#${current.closest(".step").id}`);
    hideEvidence();
  }
}

function enter(button) {
  const state = current ? history.state : { opened: true };
  history[current ? "replaceState" : "pushState"](state, "", `#${button.id}`);
  showEvidence(button);
}

// What is scrolled to must not end up under the filters.
new ResizeObserver(([{ target }]) => {
  const room = getComputedStyle(target).position === "sticky" ? target.offsetHeight : 0;
  document.documentElement.style.scrollPaddingTop = `${room + 16}px`;
}).observe(document.querySelector(".filters"));

addEventListener("hashchange", go);
document.addEventListener("click", (event) => {
  const button = event.target.closest("button.cell");
  if (button) enter(button);
  else if (event.target === panel) leave();
});
document.getElementById("evidence-close").addEventListener("click", leave);
panel.addEventListener("cancel", (event) => {
  event.preventDefault();
  leave();
});
panel.addEventListener("close", () => { if (current) leave(); });

document.addEventListener("keydown", (event) => {
  if (!(event.key in ARROWS) || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const from = current || event.target.closest?.("button.cell");
  const next = from && neighbour(from, event.key);
  if (!next) return;
  event.preventDefault();
  if (current) {
    enter(next);
  } else {
    stopAt(next);
    next.focus();
  }
});

// Bodies are made on opening; toggle comes after the fact, so there is no empty moment to see.
document.addEventListener("toggle", (event) => {
  if (event.target.matches("details.scenario") && event.target.open) ensureBody(event.target);
}, true);

// On paper nothing opens: print what went wrong opened, and the rest as it is.
const MOST_PRINTED = 30;
let openedForPaper = [];
addEventListener("beforeprint", () => {
  const wrong = [...document.querySelectorAll("details.scenario:not([open], [hidden])")]
    .filter((details) => ["FAIL", "INCONCLUSIVE"].includes(details.dataset.outcome));
  openedForPaper = data ? wrong.slice(0, MOST_PRINTED) : [];
  for (const details of openedForPaper) {
    ensureBody(details);
    details.open = true;
  }
});
addEventListener("afterprint", () => {
  for (const details of openedForPaper) details.open = false;
});

document.documentElement.classList.add("scripted");
unpacked.then(() => {
  performance.mark("unpacked");
  for (const details of document.querySelectorAll("details.scenario[data-open]")) details.open = true;
  for (const details of document.querySelectorAll("details.scenario[open]")) ensureBody(details);
  if (fragment()) go();
  document.documentElement.dataset.ready = "";
}, () => {
  document.documentElement.classList.add("unreadable");
});
