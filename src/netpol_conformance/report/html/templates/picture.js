// A step as a picture: who asks on the left, who is asked on the right, boxes are namespaces. A line
// between pods is a cell; where all lines of a box are alike, one at the box's name stands for them.

const SIZES = {
  wide: { column: 212, between: 150, letters: 28, labels: true },
  narrow: { column: 112, between: 96, letters: 14, labels: false },
};
const ROW = 21, HEAD = 22, GAP = 10, FOOT = 5;
const FLAGS = [0.5, 0.32, 0.66, 0.24, 0.74]; // where along a line its flag is, in turn, lest they meet
const DRAWN_FIRST = ["shut", "silent", "open", "declared", "unknown", "fail"];

function picture(step, table) {
  const size = SIZES[matchMedia("(max-width: 40rem)").matches ? "narrow" : "wide"];
  const seen = (row, column) => {
    const cell = step.cells[row][column];
    return cell && judgementOf(cell);
  };
  const left = side(groupsOf(endsOf(step.rows)).map((group) => ({
    name: group.group, labels: group.labels, nodes: group.ends.map((end) => ({
      label: end.what, note: "", labels: end.labels, title: end.name, rows: [end.place],
    })),
  })));
  const right = side(groupsOf(endsOf(step.columns)).map((group) => ({
    name: group.group, labels: group.labels, nodes: alike(group.ends, step),
  })));
  const height = Math.max(left.height, right.height), width = 2 * size.column + size.between;
  place(left, (height - left.height) / 2, 0.5, size.column);
  place(right, (height - right.height) / 2, width - size.column - 0.5, width - size.column);

  const edges = left.groups.flatMap((from) => right.groups.flatMap((to) => between(from, to, seen)));
  edges.sort((one, other) => DRAWN_FIRST.indexOf(one.tone) - DRAWN_FIRST.indexOf(other.tone));
  spread(edges);
  const count = (...tones) => step.cells.flat().filter((cell) => cell && tones.includes(judgementOf(cell).tone)).length;
  const wrong = count("fail");
  const words = `${count("open")} connected, ${count("shut")} blocked as expected, ${wrong} wrong`;
  const graphic = draw("svg.graph", {
    viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `Picture of step ${step.index}: ${words}. The matrix tells the same, cell by cell.`,
  }, ...edges.map(edgeShape), ...boxes(left, size, "left"), ...boxes(right, size, "right"));
  const figure = make("figure.picture", null, graphic, make("figcaption.note", null,
    "Arrow: connected. Cross: blocked. ", wrong > 0 && "Exclamation mark: wrong. ",
    "A line at a namespace's name stands for all in its box."));
  connect(table, graphic, edges);
  return figure;
}

// Ports of one pod that everyone reaches alike are one node.
function alike(ends, step) {
  const nodes = [];
  const vector = (end) => end.what + JSON.stringify(step.cells.map((row) => row[end.place] && judgementOf(row[end.place]).tone + judgementOf(row[end.place]).sign));
  for (const end of ends) {
    const key = vector(end), known = nodes.find((node) => node.key === key);
    if (known) {
      known.columns.push(end.place);
      known.note += ` ${end.port}`;
      known.title += `, ${end.name}`;
    } else {
      nodes.push({ key, label: end.what, note: end.port, labels: end.labels, title: end.name, columns: [end.place] });
    }
  }
  return nodes;
}

function side(groups) {
  const tall = (group) => HEAD + group.nodes.length * ROW + FOOT;
  const height = groups.reduce((sum, group) => sum + tall(group) + GAP, -GAP);
  return { groups: groups.map((group) => ({ ...group, tall: tall(group) })), height };
}

// Give every box and node its place; `port` is the x where lines meet them.
function place(half, top, x, port) {
  for (const group of half.groups) {
    Object.assign(group, { x, y: top, at: [port, top + HEAD / 2 + 1] });
    group.nodes.forEach((node, index) => { node.at = [port, top + HEAD + (index + 0.5) * ROW]; });
    top += group.tall + GAP;
  }
}

// Lines of different tones that end at one place end a little apart.
function spread(edges) {
  for (const end of new Set(edges.map((edge) => edge.end))) {
    const here = edges.filter((edge) => edge.end === end);
    const tones = [...new Set(here.map((edge) => edge.tone))];
    for (const edge of here) {
      const shift = (tones.indexOf(edge.tone) - (tones.length - 1) / 2) * (14 / Math.max(tones.length, 2));
      edge.end = [end[0], end[1] + shift];
    }
  }
}

// The fewest lines from one box to another that say every cell.
function between(from, to, seen) {
  const common = (rows, columns) => {
    let found = null;
    for (const row of rows) {
      for (const column of columns) {
        const cell = seen(row, column);
        if (!cell) continue;
        if (found && (found.tone !== cell.tone || found.sign !== cell.sign)) return null;
        found = cell;
      }
    }
    return found;
  };
  const edge = (start, end, rows, columns) => {
    const cell = common(rows, columns);
    return cell && { start, end, rows, columns, tone: cell.tone, sign: cell.sign, bundle: rows.length * columns.length > 1 };
  };
  const rows = from.nodes.flatMap((node) => node.rows), columns = to.nodes.flatMap((node) => node.columns);
  const start = from.nodes.length > 1 ? from.at : from.nodes[0].at, end = to.nodes.length > 1 ? to.at : to.nodes[0].at;
  if (common(rows, columns)) return [edge(start, end, rows, columns)];
  const single = (node, other) => edge(node.at, other.at, node.rows, other.columns);
  const byTarget = to.nodes.flatMap((node) => (common(rows, node.columns)
    ? [edge(start, node.at, rows, node.columns)] : from.nodes.map((other) => single(other, node))));
  const bySource = from.nodes.flatMap((node) => (common(node.rows, columns)
    ? [edge(node.at, end, node.rows, columns)] : to.nodes.map((other) => single(node, other))));
  const found = [byTarget, bySource].map((list) => list.filter(Boolean));
  return found[0].length <= found[1].length ? found[0] : found[1];
}

// A point of a cubic curve, at the share `t` of its way.
function onCurve(t, ...axes) {
  const parts = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t ** 2 * (1 - t), t ** 3];
  return axes.map((axis) => axis.reduce((sum, value, index) => sum + value * parts[index], 0));
}

function edgeShape(edge, flag) {
  const [x1, y1] = edge.start, [x2, y2] = edge.end, tip = x2 - 5, bend = (x2 - x1) * 0.45;
  const shape = draw(`g.edge.${edge.tone}${edge.bundle ? ".bundle" : ""}`, null,
    draw("path.line", { d: `M${x1} ${y1}C${x1 + bend} ${y1} ${tip - bend} ${y2} ${tip} ${y2}` }));
  if (edge.sign.endsWith("✓")) {
    shape.append(draw("path.tip", { d: `M${x2} ${y2}l-8 -4v8z` }));
  } else if (edge.sign.endsWith("×")) {
    shape.append(draw("path.cross", { d: `M${x2 - 10} ${y2 - 4}l8 8m0 -8l-8 8` }));
  }
  if (edge.tone !== "open" && edge.tone !== "shut") {
    const [x, y] = onCurve(FLAGS[flag % FLAGS.length], [x1, x1 + bend, tip - bend, tip], [y1, y1, y2, y2]);
    shape.append(draw("circle", { cx: x, cy: y, r: 8 }),
      draw("text.flag", { x, y: y + 4, "text-anchor": "middle" }, edge.sign[0]));
  }
  edge.shape = shape;
  return shape;
}

function boxes(half, size, hand) {
  const inward = hand === "left" ? size.column - 7 : 7;
  return half.groups.flatMap((group) => [
    draw("rect.box", { x: group.x, y: group.y + 0.5, width: size.column - 1, height: group.tall - 1, rx: 6 }),
    draw("text.space", { x: group.x + 10, y: group.y + 15 },
      draw("title", null, [group.name, group.labels].filter(Boolean).join(": ")),
      ...fitted(size, [group.name, "name"], [group.labels, "labels"])),
    ...group.nodes.map((node) => draw("g.node", { "data-rows": node.rows ?? null, "data-columns": node.columns ?? null },
      draw("title", null, [node.title, node.labels].filter(Boolean).join(": ")),
      draw("rect.reach", { x: group.x, y: node.at[1] - ROW / 2, width: size.column, height: ROW }),
      draw("circle.pod", { cx: group.x + inward, cy: node.at[1], r: 2.5 }),
      draw("text", { x: group.x + 16, y: node.at[1] + 4 },
        ...fitted(size, [node.label, "name"], [node.note.trim(), "port"], [node.labels, "labels"])))),
  ]);
}

// Texts in a row that has room for so many letters: a port keeps its place, labels take what is left,
// if they are wanted.
function fitted({ letters, labels }, [name, kind], ...others) {
  const cut = (label, most) => (label.length > most ? `${label.slice(0, most - 1)}…` : label);
  const port = others.find(([, other]) => other === "port")?.[0] || "";
  const parts = [[cut(name, letters - Math.min(port.length, 7)), kind]];
  for (const [part, other] of others) {
    const left = letters - parts.reduce((sum, [known]) => sum + known.length + 1, 0);
    if (part && (other === "port" || (labels && left >= 4))) parts.push([cut(part, Math.max(left, 4)), other]);
  }
  return parts.map(([part, other], index) => draw(`tspan.${other}`, null, index ? ` ${part}` : part));
}

// Pointing at a cell, a row or a column shows its lines, and pointing at a pod its cells.
function connect(table, graphic, edges) {
  const show = (rows, columns) => {
    const any = Boolean(rows || columns);
    graphic.classList.toggle("pointed", any);
    for (const edge of edges) {
      edge.shape.classList.toggle("lit", any && (!rows || rows.some((row) => edge.rows.includes(row)))
        && (!columns || columns.some((column) => edge.columns.includes(column))));
    }
    for (const row of table.querySelectorAll("tr[data-row]")) {
      row.classList.toggle("hot", Boolean(rows) && rows.includes(Number(row.dataset.row)));
    }
    for (const head of table.querySelectorAll("th[data-column]")) {
      head.classList.toggle("hot", Boolean(columns) && columns.includes(Number(head.dataset.column)));
    }
  };
  const fromTable = (event) => {
    const row = event.target.closest("tr[data-row]"), column = event.target.closest("[data-column]");
    show(row && [Number(row.dataset.row)], column && [Number(column.dataset.column)]);
  };
  const numbers = (list) => (list ? list.split(",").map(Number) : null);
  for (const kind of ["mouseover", "focusin"]) table.addEventListener(kind, fromTable);
  for (const kind of ["mouseleave", "focusout"]) table.addEventListener(kind, () => show(null, null));
  graphic.addEventListener("mouseover", (event) => {
    const node = event.target.closest(".node");
    show(node && numbers(node.dataset.rows), node && numbers(node.dataset.columns));
  });
  graphic.addEventListener("mouseleave", () => show(null, null));
}
