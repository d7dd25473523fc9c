// The panel that tells of one cell: what was expected and why, what was seen, every probe.

const panel = document.getElementById("evidence");
const panelTitle = document.getElementById("evidence-title");
const panelStep = document.getElementById("evidence-step");
const panelBody = document.getElementById("evidence-body");
let current = null; // the button of the cell that is shown

const PHASES = {
  control: ["Control", "The same probe while no policy stood in the way."],
  converge: ["While waiting", "Before the state was as expected."],
  hold: ["First look", "In full, once the state was as expected or time was up."],
  confirm: ["Second look", "Something unexpected counts only if a second look agrees."],
  witness: ["Witness", "From inside the server's own pod: it was listening."],
  meanwhile: ["Meanwhile", "One of many, all through the change."],
  held: ["Held connection", "Opened before the change, used after it."],
};

function showEvidence(button) {
  const section = button.closest(".step"), details = button.closest("details.scenario");
  const [row, column] = button.id.slice(section.id.length + 1).split(".").map((part) => part - 1);
  const scenario = data.scenarios[Number(details.dataset.number)];
  const at = [...details.querySelectorAll(".step")].indexOf(section);
  const step = scenario.steps[at];
  const cell = step.cells[row][column], judged = judgementOf(cell);
  const name = (ends, place) => text(ends.find((end) => end[0] === place)[1]);
  panelTitle.textContent = `${name(step.rows, row)} → ${name(step.columns, column)}`;
  const labels = [...step.rows.filter((end) => end[0] === row), ...step.columns.filter((end) => end[0] === column)]
    .filter((end) => text(end[5]));
  panelStep.textContent = `Step ${step.index}: ${text(step.title)}`;
  panelBody.replaceChildren(
    judgement(judged, labels), ...policies(judged.fields, step, scenario), ...probes(looksOf(cell, 1)),
    ...rerun(text(scenario.rerun)));
  if (current) current.classList.remove("current");
  current = button;
  current.classList.add("current");
  stopAt(button);
  if (!panel.open) panel.showModal();
  panelTitle.focus();
  panel.scrollTop = 0;
}

function judgement(judged, labels) {
  return make("dl.judgement", null,
    fact("Outcome", badge(judged.outcome), " ", judged.reason),
    fact("Expected", make("strong", null, judged.expected), " ",
      make("span.note", null, judged.stated ? "stated by the scenario's author" : "left to the oracle by the scenario")),
    fact("Seen", make("strong", null, judged.seen)),
    labels.length > 0 && fact("Labels", ...labels.flatMap((end, index) => [index > 0 && make("br"),
      `${text(end[3])}: `, make("code", null, text(end[5]))])),
    fact("Why", make("p", null, judged.explanation),
      judged.rules.length > 0 && make("p.note", null, `Rests on ${judged.rules.join(", ")}`)));
}

// The policies that decided, each with the deciding lines marked.
function policies(fields, step, scenario) {
  const known = new Map();
  for (const { policy, field, note } of fields) {
    const place = step.places.find((item) => item[0] === policy && item[1] === field);
    const key = text(policy);
    if (!known.has(key)) known.set(key, { place, fields: [] });
    known.get(key).fields.push({ field: text(field), note, place });
  }
  return [...known].map(([name, { place, fields: deciding }]) => make("div.policy", null,
    make("h3", null, "Decided by ", make("code", null, name)),
    make("ul.places", null, ...deciding.map(({ field, note }) =>
      make("li", null, make("code", null, field), note && `: ${note}`))),
    place && manifest(text(scenario.steps[place[2]].applied), deciding.map((item) => item.place), place)));
}

function manifest(whole, places, [, , , , , top, bottom]) {
  const lines = whole.split("\n").slice(top - 1, bottom);
  const marked = (number) => places.some((place) => place && place[3] <= number && number <= place[4]);
  return make("pre.manifest", null, ...lines.map((line, index) => {
    const isMarked = marked(top + index);
    return make(isMarked ? "mark.line" : "span.line", null,
      make("span.gutter", { "aria-hidden": "true" }, isMarked ? "▸" : " "), `${line}\n`);
  }));
}

const inOrder = (looks) => [...looks].sort((one, other) => one.start - other.start);

// Probes by phase, in the order they were sent.
function probes(looks) {
  if (!looks.length) return [make("p.note", null, "No probe was sent.")];
  const groups = new Map();
  for (const item of inOrder(looks)) {
    if (!groups.has(item.phase)) groups.set(item.phase, []);
    groups.get(item.phase).push(item);
  }
  const shown = [make("h3", null, plural(looks.length, "probe")),
    make("p.note", null, "Times count from the step's start.")];
  for (const [phase, items] of groups) {
    const [title, meaning] = PHASES[phase] || [phase, ""];
    shown.push(make("section.phase", null, make("h4", null, title), make("p.note", null, meaning),
      make("ol.probes", null, ...items.map(look))));
  }
  return shown;
}

function look(item) {
  const facts = [`took ${duration(item.took)}`];
  if (item.code !== null) facts.push(`exit code ${item.code}`);
  const answered = item.identity ? `${item.verdict}, answered by ${item.identity}` : item.verdict;
  return make("li", null,
    make("p.look-head", null, make("strong", null, answered),
      make("span.note", null, `${item.start < 0 ? "−" : "+"}${duration(Math.abs(item.start))}`)),
    make("p.note", null, `from ${item.source}, by ${item.tool}, ${facts.join(", ")}`),
    make("pre", null, make("span.prompt", null, "$ "), `${item.command}\n${item.output}`.trimEnd()));
}

function rerun(line) {
  return line ? [make("h3", null, "Run it again"), make("p", null, command(line))] : [];
}
