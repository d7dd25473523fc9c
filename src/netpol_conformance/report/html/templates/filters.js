// Which scenarios are shown.

const find = document.getElementById("find");
const shown = document.getElementById("shown");
const chips = [...document.querySelectorAll(".chip[data-outcome]")];
const choices = ["pack", "feature"].map((id) => document.getElementById(id)).filter(Boolean);
const scenarios = [...document.querySelectorAll("details.scenario")].map((details) => ({
  details, pack: details.closest(".pack").dataset.pack, outcome: details.dataset.outcome,
  features: details.dataset.features.split(" "),
  words: `${details.textContent} ${details.dataset.words}`.toLowerCase(),
}));

function filter() {
  const wanted = chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => chip.dataset.outcome);
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  const [pack, feature] = ["pack", "feature"].map((id) => document.getElementById(id)?.value || "");
  let count = 0;
  for (const scenario of scenarios) {
    const fits = (!wanted.length || wanted.includes(scenario.outcome))
      && (!pack || scenario.pack === pack) && (!feature || scenario.features.includes(feature))
      && words.every((word) => scenario.words.includes(word));
    scenario.details.hidden = !fits;
    count += fits ? 1 : 0;
  }
  for (const section of document.querySelectorAll(".pack")) {
    section.hidden = !section.querySelector("details.scenario:not([hidden])");
  }
  const all = count === scenarios.length;
  shown.textContent = all ? plural(count, "scenario") : `${count} of ${plural(scenarios.length, "scenario")}`;
}

function clearFilters() {
  find.value = "";
  for (const choice of choices) choice.value = "";
  for (const chip of chips) chip.setAttribute("aria-pressed", "false");
  filter();
}

find.addEventListener("input", filter);
for (const choice of choices) choice.addEventListener("change", filter);
for (const chip of chips) {
  chip.addEventListener("click", () => {
    chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
    filter();
  });
}
for (const button of document.querySelectorAll("[data-all]")) {
  button.addEventListener("click", () => {
    for (const { details } of scenarios) {
      if (!details.hidden || button.dataset.all === "close") details.open = button.dataset.all === "open";
    }
  });
}
// Some browsers keep what was typed over a reload.
filter();
