// A step's matrix: sources are rows, destinations columns, namespaces group both.

const WIDEST_HEADS = 64; // characters of column names that fit side by side
const FEW_HEADS = 7; // so few are rather broken than set upright

function matrix(step, anchor) {
  const rows = endsOf(step.rows), columns = endsOf(step.columns);
  const rowGroups = groupsOf(rows), columnGroups = groupsOf(columns);
  const named = rowGroups.length > 1 || columnGroups.length > 1;
  const width = columns.reduce((sum, end) => sum + end.what.length + end.port.length + 3, 0);
  const upright = width > WIDEST_HEADS && columns.length > FEW_HEADS;
  const starts = new Set(columnGroups.map((group) => group.ends[0].place));
  const edge = (column) => (starts.has(column.place) && column !== columns[0] ? ".edge" : "");

  const head = make("thead");
  if (named) {
    head.append(make("tr.groups", null, make("td"), ...columnGroups.map((group) =>
      make(`th${edge(group.ends[0])}`, { scope: "colgroup", colspan: group.ends.length },
        make("span", null, group.group)))));
  }
  head.append(make("tr", null, make("td"), ...columns.map((column) =>
    make(`th${edge(column)}`, { scope: "col", "data-column": column.place, title: column.name },
      make("span", null, ...breakable(named ? column.what : column.name.slice(0, column.name.length - column.port.length)),
        make("wbr"), make("span.port", null, column.port))))));

  const cell = (row, column) => {
    const packed = step.cells[row.place][column.place];
    if (!packed) return make(`td${edge(column)}`, { "data-column": column.place });
    const seen = judgementOf(packed);
    return make(`td${edge(column)}`, { "data-column": column.place },
      make(`button.cell.${seen.tone}`, {
        type: "button", id: `${anchor}:${row.place + 1}.${column.place + 1}`, tabindex: -1,
        "aria-label": `${row.name} to ${column.name}: ${seen.words}`,
        title: `${row.name} → ${column.name}: ${seen.words}`,
      }, seen.sign));
  };
  const bodies = rowGroups.map((group) => make("tbody", null,
    named && make("tr.groups", null,
      make("th", { scope: "rowgroup", colspan: columns.length + 1 }, make("span", null, group.group))),
    ...group.ends.map((row) => make("tr", { "data-row": row.place },
      make("th", { scope: "row", title: row.name },
        make("span", null, ...breakable(named ? row.what : row.name))),
      ...columns.map((column) => cell(row, column))))));

  const table = make(`table.matrix${upright ? ".upright" : ""}`, null,
    make("caption.unseen", null, `Step ${step.index}: rows are sources, columns destinations`),
    head, ...bodies);
  const first = table.querySelector("button.cell");
  if (first) first.tabIndex = 0;
  return make("div.scroll", null, table);
}

function legend(step) {
  return make("ul.legend", { "aria-label": "Signs" }, ...step.legend.map(([sign, words, tone]) =>
    make("li", null, make(`span.sign.${text(tone)}`, { "aria-hidden": "true" }, text(sign)), ` ${text(words)}`)));
}

// A long name may be broken after its slashes.
function breakable(name) {
  return name.split(/(?<=\/)/).flatMap((part, place) => (place ? [make("wbr"), part] : [part]));
}

// A matrix is one stop of the Tab key; arrow keys move inside it.
function stopAt(button) {
  for (const other of button.closest("table").querySelectorAll("button.cell[tabindex='0']")) {
    other.tabIndex = -1;
  }
  button.tabIndex = 0;
}

const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

// The next cell in an arrow's direction, over empty places; null at the edge.
function neighbour(button, key) {
  const [down, right] = ARROWS[key];
  const lines = [...button.closest("table").querySelectorAll("tr[data-row]")];
  let row = lines.indexOf(button.closest("tr")), column = button.closest("td").cellIndex;
  for (;;) {
    row += down;
    column += right;
    const place = lines[row] && column > 0 ? lines[row].cells[column] : null;
    if (!place) return null;
    const found = place.querySelector("button.cell");
    if (found) return found;
  }
}
