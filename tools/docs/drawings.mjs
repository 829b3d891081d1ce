/**
 * The drawings of docs/how-it-works.md: where each function of a device is, from one step to the next. A
 * frame says in which lane which functions are; everything else follows.
 */

/** Lanes from top to bottom: what the guest sees is on top. */
const lanes = [
  { key: "guest", name: "the guest sees" },
  { key: "queued", name: "QEMU has, queued" },
  { key: "held", name: "held: on vfio-pci" },
  { key: "host", name: "on its host driver" },
];

const drawings = {
  plug: {
    title: "An attach: four functions appear together",
    frames: [
      { at: { host: [0, 1, 2, 3] }, caption: ["before"] },
      { at: { held: [0, 1, 2, 3] }, caption: ["record the owner,", "hold each function"] },
      { at: { queued: [1, 2, 3], held: [0] }, caption: ["plug 1, 2 and 3:", "nothing to see yet"] },
      { at: { guest: [0, 1, 2, 3] }, caption: ["plug 0: the guest sees", "the whole device"] },
    ],
  },
  unplug: {
    title: "A detach: the guest lets go, then the host gets all back",
    frames: [
      { at: { guest: [0, 1, 2, 3] }, caption: ["before"] },
      { at: { guest: [0, 1, 2, 3] }, caption: ["ask the guest once", "for the whole slot"], asks: true },
      { at: { held: [0, 1, 2, 3] }, caption: ["QEMU has let go", "of every one"] },
      { at: { host: [0, 1, 2, 3] }, caption: ["release each, see", "its driver back"] },
    ],
  },
  change: {
    title: "A change from functions 0 to 3 to functions 0 and 2",
    frames: [
      { at: { guest: [0, 1, 2, 3] }, caption: ["before"] },
      { at: { held: [0, 1, 2, 3] }, caption: ["unplug the slot;", "all stay held"] },
      { at: { queued: [2], held: [0, 1, 3] }, caption: ["plug 2:", "nothing to see yet"] },
      { at: { guest: [0, 2], held: [1, 3] }, caption: ["plug 0: the guest sees", "both; 1 and 3 stay held"] },
    ],
  },
};

const left = 150;
const frameWidth = 176;
const laneHeight = 48;
const top = 44;
const chip = 30;

const style = `
    .paper { fill: #ffffff; stroke: #d0d7de }
    .lane { fill: #f3f5f8 }
    .guest { fill: #e3f2e6 }
    .chip { fill: #2f5fa8 }
    .zero { fill: #b4470f }
    text { font: 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
    .title { font-weight: 600; font-size: 14px }
    .name, .caption { fill: #57606a }
    .number { fill: #ffffff; font-weight: 600; text-anchor: middle }
    .caption { text-anchor: middle }
    .arrow { stroke: #57606a; stroke-width: 1.5; fill: none }
    .ask { stroke: #b4470f; stroke-width: 1.5; stroke-dasharray: 4 3; fill: none }
    @media (prefers-color-scheme: dark) {
      .paper { fill: #0d1117; stroke: #30363d }
      .lane { fill: #1b222b }
      .guest { fill: #16301d }
      .chip { fill: #4d84d6 }
      .zero { fill: #d9641f }
      text { fill: #e6edf3 }
      .name, .caption { fill: #9ea7b3 }
      .number { fill: #ffffff }
      .arrow { stroke: #9ea7b3 }
      .ask { stroke: #f0883e }
    }`;

function drawFrame({ at, caption, asks }, index) {
  const x = left + index * frameWidth;
  const width = frameWidth - 24;
  const parts = lanes.map(({ key }, row) => {
    const y = top + row * laneHeight;
    const chips = (at[key] ?? []).map((number) => {
      const cx = x + 8 + number * (chip + 5);
      const middle = y + (laneHeight - 4) / 2;
      return (
        `\n  <rect class="${number === 0 ? "zero" : "chip"}" x="${cx}" y="${middle - chip / 2}" width="${chip}" height="${chip}" rx="4"/>` +
        `<text class="number" x="${cx + chip / 2}" y="${middle + 5}">.${number}</text>`
      );
    });
    const lane = `<rect class="${key === "guest" ? "guest" : "lane"}" x="${x}" y="${y}" width="${width}" height="${laneHeight - 4}" rx="5"/>`;
    return `  ${lane}${chips.join("")}`;
  });
  if (asks) {
    const y = top + 2;
    parts.push(
      `  <rect class="ask" x="${x + 3}" y="${y + 1}" width="${width - 6}" height="${laneHeight - 10}" rx="5"/>`,
    );
  }
  const y = top + lanes.length * laneHeight + 18;
  const middle = x + width / 2;
  const lines = caption.map(
    (line, row) => `<text class="caption" x="${middle}" y="${y + row * 17}">${line}</text>`,
  );
  return `  <!-- ${caption.join(" ")} -->\n${parts.join("\n")}\n  ${lines.join("\n  ")}`;
}

function draw({ title, frames }) {
  const width = left + frames.length * frameWidth;
  const height = top + lanes.length * laneHeight + 50;
  const names = lanes.map(
    ({ name }, row) => `  <text class="name" x="16" y="${top + row * laneHeight + 27}">${name}</text>`,
  );
  const arrows = frames.slice(1).map((_, index) => {
    const x = left + (index + 1) * frameWidth - 21;
    const y = top + (lanes.length * laneHeight) / 2 - 2;
    return `  <path class="arrow" d="M${x} ${y} h14 m-5 -5 l5 5 l-5 5"/>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${title}">
  <title>${title}</title>
  <style>${style}
  </style>
  <rect class="paper" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
  <text class="title" x="16" y="27">${title}</text>
${names.join("\n")}
${frames.map(drawFrame).join("\n")}
${arrows.join("\n")}
</svg>
`;
}

/** Name of the drawing → its SVG. */
export const drawn = Object.fromEntries(Object.entries(drawings).map(([name, one]) => [name, draw(one)]));
