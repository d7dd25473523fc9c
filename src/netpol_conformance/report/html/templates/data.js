// The packed evidence (netpol_conformance/report/packing.py tells its shape), unpacked once.

let data = null;

const unpacked = (async () => {
  const packed = atob(document.getElementById("packed").textContent);
  const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  data = await new Response(stream).json();
})();

const text = (index) => (index === null ? "" : data.strings[index]);
const texts = (indices) => indices.map(text);

function judgementOf(cell) {
  const [outcome, expected, stated, explanation, rules, fields, reason, seen, sign, words, tone] =
    data.judgements[cell[0]];
  return {
    outcome: text(outcome), expected: text(expected), stated: Boolean(stated),
    explanation: text(explanation), rules: texts(rules),
    fields: fields.map(([policy, field, note]) => ({ policy, field, note: text(note) })),
    reason: text(reason), seen: text(seen), sign: text(sign), words: text(words), tone: text(tone),
  };
}

// Looks as they stand in a cell from `at` on: an index, a start and a duration for each.
function looksOf(packed, at = 0) {
  const looks = [];
  for (; at < packed.length; at += 3) {
    const [phase, source, tool, command, output, code, verdict, identity] = data.looks[packed[at]];
    looks.push({
      phase: text(phase), source: text(source), tool: text(tool), command: text(command),
      output: text(output), code, verdict: text(verdict), identity: text(identity),
      start: packed[at + 1] / 1000, took: packed[at + 2] / 10000,
    });
  }
  return looks;
}

// Rows and columns of a matrix: where it is in the step, its whole name, and the name in parts.
function endsOf(packed) {
  return packed.map(([place, name, group, what, port, labels, groupLabels]) => ({
    place, name: text(name), group: text(group), what: text(what), port: text(port),
    labels: text(labels), groupLabels: text(groupLabels),
  }));
}

// Neighbours of one group together: [{group, ends}, …]
function groupsOf(ends) {
  const groups = [];
  for (const end of ends) {
    if (!groups.length || groups.at(-1).group !== end.group) groups.push({ group: end.group, labels: end.groupLabels, ends: [] });
    groups.at(-1).ends.push(end);
  }
  return groups;
}
