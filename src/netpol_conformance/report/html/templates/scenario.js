// A scenario's body: made when it is first opened.

function ensureBody(details) {
  if (!data || details.querySelector(":scope > .body")) return;
  details.append(scenarioBody(data.scenarios[Number(details.dataset.number)], details.id));
}

function scenarioBody(scenario, anchor) {
  const about = text(scenario.about), link = text(scenario.link), documented = text(scenario.documented);
  const facts = scenario.facts.map(([name, value]) => fact(text(name), text(value)));
  if (documented || link) {
    facts.unshift(fact("Documented", link
      ? make("a", { href: link, rel: "noreferrer noopener" }, documented || link) : documented));
  }
  const rerun = text(scenario.rerun);
  return make("div.body", null,
    about && make("p.about", null, ...prose(about)),
    facts.length > 0 && make("dl.facts", null, ...facts),
    scenario.declared.length > 0 && declarations(scenario.declared),
    rerun && make("p.rerun", null, make("span.note", null, "Run it again "), command(rerun)),
    ...scenario.steps.map((step) => stepSection(step, `${anchor}:${step.index}`)));
}

// What the plugin's declaration says of the scenario.
function declarations(declared) {
  return make("ul.declarations", null, ...declared.map(([what, so, link]) => make("li", null,
    make("strong", null, text(what)), `, by the plugin's declaration; ${text(so)} `,
    text(link) && make("a", { href: text(link), rel: "noreferrer noopener" }, "Why"))));
}

function stepSection(step, anchor) {
  const outcome = text(step.outcome), enforced = text(step.enforced);
  const section = make("section.step", { id: anchor, tabindex: -1 },
    make("h4", null, make("a.permalink", { href: `#${anchor}`, "aria-label": `Link to step ${step.index}` }, `${step.index}`),
      ` ${text(step.title)} `, outcome !== "PASS" && badge(outcome)),
    enforced && make("p.note", null, `As expected ${enforced} after the change`),
    step.notes.length > 0 && make("dl.notes", null, ...step.notes.map(([name, value]) => fact(text(name), text(value)))),
    step.refusal && refusal(step.refusal),
    step.late && late(step.late),
    applied(step));
  if (step.cells.length) {
    const table = matrix(step, anchor), graph = picture(step, table);
    section.append(make("div.views", null, make("div.table", null, table, legend(step)), graph));
  }
  if (step.meanwhile.length) section.append(meanwhile(step));
  if (step.held.length) section.append(held(step));
  return section;
}

function refusal([expected, answer, outcome, reason]) {
  return make(`div.refusal.${TONES[text(outcome)]}`, null, make("p", null, text(reason)),
    make("pre", null, text(answer) || "accepted"),
    text(expected) && make("p.note", null, "Expected a refusal that says ", make("code", null, text(expected))));
}

function late([outcome, reason]) {
  return make("p", null, badge(text(outcome)), ` ${text(reason)}`);
}

function applied(step) {
  const manifests = text(step.applied);
  if (!manifests.trim()) return null;
  const count = manifests.split(/^---\s*$/m).filter((part) => part.trim()).length;
  return make("details.quiet", null, make("summary", null, `${plural(count, "manifest")} applied`),
    make("pre", null, manifests.trim()));
}

// What was probed all through a change.
function meanwhile(step) {
  return make("div.during", null, make("h5", null, "Probed all through the change"),
    make("ul", null, ...step.meanwhile.map((item) => make("li", null,
      make("p", null, badge(text(item.outcome)), " ",
        make("strong", null, `${text(item.source)} → ${text(item.destination)}`),
        ` always ${text(item.expected)}: ${text(item.reason)}`),
      item.unexpected > 0 && make("p.note", null, told(item)),
      probeDetails(item.looks)))));
}

function told(item) {
  const parts = [`${item.probes} probes in ${duration(item.seconds)}, ${item.rate} a second`];
  if (item.resolution !== null) parts.push(`longest pause between two ${duration(item.resolution)}`);
  if (item.unexpected) parts.push(`${item.unexpected} saw otherwise`);
  if (item.first !== null) parts.push(`first ${duration(item.first)} after the change`);
  if (item.gap !== null) parts.push(`longest gap ${duration(item.gap)}`);
  return parts.join(" · ");
}

// Connections opened before a change and used after it.
function held(step) {
  return make("div.during", null, make("h5", null, "Connections open during the change"),
    make("ul", null, ...step.held.map((item) => make("li", null,
      make("p", null, badge(text(item.outcome)), " ",
        make("strong", null, `${text(item.source)} → ${text(item.destination)}`),
        ` ${text(item.fate)}: ${text(item.reason)}`),
      probeDetails(item.looks)))));
}

function probeDetails(packed) {
  if (!packed.length) return null;
  return make("details.quiet", null, make("summary", null, plural(packed.length / 3, "probe")),
    make("ol.probes", null, ...inOrder(looksOf(packed)).map(look)));
}
