// Opens the evidence behind a cell. Everything from the run is shown through textContent.
  const data = JSON.parse(document.getElementById("evidence-data").textContent);
  const dialog = document.getElementById("evidence");
  const title = document.getElementById("evidence-title");
  const link = document.getElementById("evidence-link");
  const body = document.getElementById("evidence-body");
  const close = document.getElementById("evidence-close");
  const phases = {
    control: "Control: where policy allows it",
    converge: "Until as expected",
    hold: "Holds",
    confirm: "Second look",
    witness: "Witness: from the server's own pod",
  };
  const tones = {
    PASS: "pass", FAIL: "fail", INCONCLUSIVE: "unknown", XFAIL: "declared",
    UNSUPPORTED: "silent", UNSPECIFIED: "silent",
  };
  let current = null;

  const text = (index) => (index === null ? "" : data.strings[index]);

  function make(tag, className, ...children) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children);
    return element;
  }

  function time(milliseconds) {
    if (Math.abs(milliseconds) < 10) return `${Math.round(milliseconds * 10) / 10} ms`;
    if (Math.abs(milliseconds) < 1000) return `${Math.round(milliseconds)} ms`;
    return `${(milliseconds / 1000).toFixed(2)} s`;
  }

  function fact(name, ...value) {
    return make("div", "", make("dt", "", name), make("dd", "", ...value));
  }

  function judgement(item) {
    const [outcome, expected, stated, explanation, rules, fields, reason, seen] = item;
    const why = make("dd", "", make("strong", "", text(expected)));
    why.append(make("p", "", text(explanation)));
    if (rules.length) why.append(make("p", "note", `Rests on ${rules.map(text).join(", ")}`));
    if (fields.length) {
      why.append(make("ul", "places", ...fields.map(([policy, field, note]) =>
        make("li", "", make("code", "", `${text(policy)} ${text(field)}`),
          text(note) ? `: ${text(note)}` : ""))));
    }
    why.append(make("p", "note",
      stated ? "Stated by the scenario's author." : "Left to the oracle by the scenario."));
    const badge = make("span", `badge ${tones[text(outcome)]}`, text(outcome));
    return make("dl", "judgement",
      fact("Outcome", badge, make("p", "", text(reason))),
      make("div", "", make("dt", "", "Expected"), why),
      fact("Seen", make("strong", "", text(seen))));
  }

  function look(item, start, duration) {
    const [phase, source, tool, command, output, code, verdict, identity] = item;
    const head = make("p", "look-head",
      make("strong", "", phases[text(phase)] || text(phase)),
      make("span", "note", `${start < 0 ? "−" : "+"}${time(Math.abs(start))}`));
    const told = [text(verdict)];
    if (identity !== null) told.push(`answered by ${text(identity)}`);
    told.push(`took ${time(duration / 10)}`);
    if (code !== null) told.push(`exit code ${code}`);
    return make("li", "", head,
      make("p", "", told.join(" · ")),
      make("p", "note", `${text(source)}, by ${text(tool)}`),
      make("pre", "", make("span", "prompt", "$ "), `${text(command)}\n${text(output)}`));
  }

  function evidence(cell) {
    const looks = [];
    for (let at = 1; at < cell.length; at += 3) {
      looks.push(look(data.looks[cell[at]], cell[at + 1], cell[at + 2]));
    }
    const heading = make("h3", "", looks.length === 1 ? "1 probe" : `${looks.length} probes`);
    const note = make("p", "note", "Times count from the step's start.");
    return looks.length ? [heading, note, make("ol", "probes", ...looks)]
      : [make("p", "note", "No probe was sent.")];
  }

  // Where a cell's button stands: its table and its row and column, counting from 0.
  function place(button) {
    const row = button.closest("tr");
    return {
      table: button.closest("table"), row: row.sectionRowIndex,
      column: button.closest("td").cellIndex - 1,
    };
  }

  function name(button) {
    const { table, column } = place(button);
    const source = button.closest("tr").cells[0].textContent;
    return `${source} → ${table.tHead.rows[0].cells[column + 1].textContent}`;
  }

  function show(button) {
    const { table, row, column } = place(button);
    const cell = data.steps[Number(table.dataset.step)][row][column];
    title.textContent = name(button);
    link.href = `#${button.id}`;
    body.replaceChildren(judgement(data.judgements[cell[0]]), ...evidence(cell));
    if (current) current.classList.remove("current");
    current = button;
    current.classList.add("current");
    stopAt(button);
    history.replaceState(null, "", `#${button.id}`);
    if (!dialog.open) {
      dialog.showModal();
      close.focus();
    }
    dialog.scrollTop = 0;
  }

  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

  function neighbour(button, key) {
    const { table, row, column } = place(button);
    const [down, right] = steps[key];
    const line = table.tBodies[0].rows[row + down];
    const cell = line && column + right >= 0 ? line.cells[column + right + 1] : null;
    return cell ? cell.querySelector("button") : null;
  }

  // A matrix is one stop of the Tab key; arrow keys move inside it.
  function stopAt(button) {
    for (const other of button.closest("table").querySelectorAll("button")) {
      other.tabIndex = other === button ? 0 : -1;
    }
  }

  function reveal(fragment) {
    const target = document.getElementById(fragment);
    if (!target) return;
    for (let at = target; at; at = at.parentElement) {
      if (at.tagName === "DETAILS") at.open = true;
    }
    const isCell = target.matches("table.matrix button");
    target.scrollIntoView({ block: isCell ? "center" : "start" });
    if (isCell) show(target);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("table.matrix button");
    if (button) show(button);
    else if (event.target === dialog) dialog.close();
    const all = event.target.closest("[data-all]");
    if (all) {
      for (const item of document.querySelectorAll("details.scenario")) {
        item.open = all.dataset.all === "open";
      }
    }
  });
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    if (!current) return;
    current.classList.remove("current");
    current.focus();
    history.replaceState(null, "", `#${current.closest(".step").id}`);
    current = null;
  });
  document.addEventListener("keydown", (event) => {
    if (!(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return;
    const from = current || event.target.closest("table.matrix button");
    const next = from && neighbour(from, event.key);
    if (!next) return;
    event.preventDefault();
    if (current) {
      show(next);
    } else {
      stopAt(next);
      next.focus();
    }
  });
  document.addEventListener("mouseover", (event) => {
    const button = event.target.closest("table.matrix button");
    if (button && !button.title) button.title = `${name(button)}: ${button.ariaLabel}`;
  });
  addEventListener("hashchange", () => reveal(location.hash.slice(1)));
  addEventListener("beforeprint", () => {
    for (const item of document.querySelectorAll("details.scenario")) item.open = true;
  });
  for (const table of document.querySelectorAll("table.matrix")) {
    const first = table.querySelector("button");
    if (first) stopAt(first);
  }
  document.documentElement.classList.add("scripted");
  if (location.hash) reveal(location.hash.slice(1));
