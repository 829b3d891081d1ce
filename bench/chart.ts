/** Colours that are told apart by most eyes, on light and on dark ground. */
const COLOURS = ["#2f7ed8", "#d9541e", "#2a9d55", "#8e5bc0", "#b8860b", "#c2437a", "#5a6b7b"];

/** The colours of text and ground follow the reader's scheme, where the viewer tells it. */
const STYLE = `<style>
text { font: 12px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 14px; }
.faint { fill: #59636e; }
.ground { fill: #ffffff; stroke: #d1d9e0; }
.grid { stroke: #d1d9e0; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .faint { fill: #9198a1; }
  .ground { fill: #0d1117; stroke: #3d444d; }
  .grid { stroke: #3d444d; }
}
</style>`;

/** One bar of a chart, in parts that follow each other. */
export interface Bar {
  readonly label: string;
  readonly parts: readonly number[];
}

/** Bars that lie, the values of their parts added up at their ends. */
export function barChart(chart: {
  readonly title: string;
  /** Names of the parts, for the legend. */
  readonly parts: readonly string[];
  readonly unit: string;
  readonly bars: readonly Bar[];
}): string {
  const [left, top, width, step] = [300, 64, 420, 30];
  const sums = chart.bars.map(({ parts }) => parts.reduce((sum, one) => sum + one, 0));
  const scale = width / Math.max(...sums);
  const bars = chart.bars.flatMap(({ label, parts }, row) => {
    const y = top + row * step;
    let x = left;
    const pieces = parts.map((value, part) => {
      const piece = rect(x, y, value * scale, 20, colourOf(part));
      x += value * scale;
      return piece;
    });
    const sum = `${(sums[row] ?? 0).toFixed(1)} ${chart.unit}`;
    return [text(left - 8, y + 14, label, "end"), ...pieces, text(x + 6, y + 14, sum, "start", "faint")];
  });
  const height = top + chart.bars.length * step + 12;
  return svg(left + width + 90, height, chart.title, [...legend(chart.parts, 16, 46, left + width), ...bars]);
}

/** One line of a panel: its values at the panel's positions, undefined where there is none. */
export interface Line {
  readonly name: string;
  readonly values: readonly (number | undefined)[];
}

/** Panels side by side with the same scales, both logarithmic. */
export function lineChart(chart: {
  readonly title: string;
  readonly across: string;
  readonly unit: string;
  readonly positions: readonly number[];
  readonly panels: readonly { readonly title: string; readonly lines: readonly Line[] }[];
}): string {
  const [left, top, width, height, gap] = [56, 110, 230, 240, 24];
  const values = chart.panels.flatMap(({ lines }) =>
    lines.flatMap((line) => line.values.filter((one) => one !== undefined)),
  );
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.ceil(Math.log10(Math.max(...values)));
  const [first = 1, last = 1] = [chart.positions[0], chart.positions.at(-1)];
  const xOf = (panel: number, position: number): number =>
    left +
    panel * (width + gap) +
    14 +
    ((width - 28) * Math.log(position / first)) / Math.max(Math.log(last / first), 1);
  const yOf = (value: number): number => top + (height * (high - Math.log10(value))) / (high - low);
  const names = [...new Set(chart.panels.flatMap(({ lines }) => lines.map((line) => line.name)))];
  const decades = Array.from({ length: high - low + 1 }, (_, n) => 10 ** (low + n));
  const panels = chart.panels.flatMap(({ title, lines }, panel) => {
    const x = left + panel * (width + gap);
    const grid = decades.map(
      (value) =>
        `<line class="grid" x1="${x}" x2="${x + width}" y1="${px(yOf(value))}" y2="${px(yOf(value))}"/>`,
    );
    const ticks = chart.positions.map((one) =>
      text(xOf(panel, one), top + height + 18, String(one), "middle", "faint"),
    );
    const drawn = lines.flatMap((line) => {
      const colour = colourOf(names.indexOf(line.name));
      const points = line.values.flatMap((value, n) =>
        value === undefined ? [] : [[xOf(panel, chart.positions[n] ?? 1), yOf(value)] as const],
      );
      const path = points.map(([px1, py1]) => `${px(px1)},${px(py1)}`).join(" ");
      return [
        `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        ...points.map(([cx, cy]) => `<circle cx="${px(cx)}" cy="${px(cy)}" r="3.5" fill="${colour}"/>`),
      ];
    });
    return [...grid, text(x + width / 2, top - 12, title, "middle"), ...ticks, ...drawn];
  });
  const scale = decades.map((value) =>
    text(left - 6, yOf(value) + 4, `${value} ${chart.unit}`, "end", "faint"),
  );
  const whole = left + chart.panels.length * (width + gap);
  const across = text(whole / 2, top + height + 40, chart.across, "middle", "faint");
  return svg(whole, top + height + 56, chart.title, [
    ...legend(names, 16, 46, whole - 16),
    ...panels,
    ...scale,
    across,
  ]);
}

function colourOf(index: number): string {
  return COLOURS[index % COLOURS.length] ?? "";
}

function px(value: number): string {
  return value.toFixed(1);
}

function rect(x: number, y: number, width: number, height: number, colour: string): string {
  return `<rect x="${px(x)}" y="${px(y)}" width="${px(width)}" height="${height}" fill="${colour}"/>`;
}

function text(x: number, y: number, words: string, anchor: string, kind?: string): string {
  const style = kind === undefined ? "" : ` class="${kind}"`;
  return `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}"${style}>${escaped(words)}</text>`;
}

/** Of the width of a letter no more is known than this. */
const LETTER_WIDTH = 6.8;

/** In as many rows as it needs. */
function legend(names: readonly string[], left: number, top: number, right: number): string[] {
  let [x, y] = [left, top];
  return names.flatMap((name, n) => {
    const width = 18 + name.length * LETTER_WIDTH;
    if (x > left && x + width > right) [x, y] = [left, y + 20];
    const at = x;
    x += width + 12;
    return [rect(at, y - 10, 12, 12, colourOf(n)), text(at + 18, y, name, "start")];
  });
}

function svg(width: number, height: number, title: string, content: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    STYLE,
    `<rect class="ground" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6"/>`,
    text(16, 24, title, "start", "title"),
    ...content,
    "</svg>",
    "",
  ].join("\n");
}

function escaped(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
