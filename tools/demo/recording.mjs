/**
 * A recording of a terminal: from what script(1) logs to an asciicast, and from that to a picture that plays
 * it.
 */
import { StringDecoder } from "node:string_decoder";

/**
 * @param {Buffer} output what `script --log-out` wrote, with its first and last line about itself
 * @param {string} timing what `script --log-timing` wrote: seconds since the one before, and bytes
 * @param {object} header the first line of the asciicast (version 2)
 * @returns {string} the asciicast
 */
export function castOf(output, timing, header) {
  const decoder = new StringDecoder("utf8");
  let at = output.indexOf("\n") + 1;
  let seconds = 0;
  const events = timing
    .trim()
    .split("\n")
    .map((line) => line.split(" ").map(Number))
    .map(([delay, bytes]) => {
      seconds += delay;
      const text = decoder.write(output.subarray(at, at + bytes));
      at += bytes;
      return [Number(seconds.toFixed(3)), "o", text];
    });
  return [{ version: 2, ...header }, ...events].map((line) => `${JSON.stringify(line)}\n`).join("");
}

/** Rows of the screen that scroll past, and when each event had printed how many of them. */
function play(cast) {
  const [header, ...events] = cast
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const rows = [""];
  let column = 0;
  const marks = events.map(([seconds, , text]) => {
    // eslint-disable-next-line no-control-regex -- what a terminal obeys
    for (const part of text.match(/\u001b\[\d*[A-Za-z]|[^\u001b]/gu) ?? []) {
      const row = rows.length - 1;
      if (part === "\n") rows.push("");
      else if (part === "\r" || part === "\u001b[1G") column = 0;
      else if (part === "\u001b[0K") rows[row] = rows[row].slice(0, column);
      else if (part.startsWith("\u001b"))
        throw new Error(`the picture does not know ${JSON.stringify(part)}`);
      else {
        if (column === header.width) {
          rows.push("");
          column = 0;
        }
        const last = rows.length - 1;
        rows[last] = rows[last].slice(0, column) + part + rows[last].slice(column + 1);
        column += 1;
      }
    }
    return { seconds, rows: rows.length };
  });
  return { header, rows, marks };
}

const fontSize = 13;
const charWidth = 7.83;
const rowHeight = 17;
const margin = 12;
/** A pause longer than this is shown as this long. */
const longestPauseSeconds = 2;
/** How long the end stays. */
const endSeconds = 5;

const escape = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
const classOf = (row) =>
  row.startsWith("$ ") || row.startsWith("> ") ? ' class="c"' : row.startsWith("===") ? ' class="t"' : "";

/**
 * @param {string} cast
 * @returns {string} an SVG that plays the recording again and again; where nothing moves, its last screen
 */
export function svgOf(cast) {
  const { header, rows, marks } = play(cast);
  const width = Math.ceil(header.width * charWidth) + 2 * margin;
  const height = header.height * rowHeight + 2 * margin;
  let at = 0;
  const frames = marks.map(({ seconds, rows: printed }, index) => {
    at += Math.min(seconds - (marks[index - 1]?.seconds ?? 0), longestPauseSeconds);
    return { at, y: (header.height - printed) * rowHeight };
  });
  const total = at + endSeconds;
  const seen = new Map(frames.map((frame) => [((frame.at / total) * 100).toFixed(2), frame.y]));
  const keyframes = [...seen].map(([percent, y]) => `${percent}%{transform:translateY(${y}px)}`).join("\n");
  const texts = rows.flatMap((row, index) =>
    row.trim() === ""
      ? []
      : [`<text y="${(index + 1) * rowHeight - 4}"${classOf(row)}>${escape(row.trimEnd())}</text>`],
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escape(header.title)}">
<title>${escape(header.title)}</title>
<style>
rect{fill:#161b22}
text{font:${fontSize}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d0d7de;white-space:pre}
.c{fill:#7ee787;font-weight:600}
.t{fill:#79c0ff;font-weight:600}
#s{animation:s ${total.toFixed(1)}s step-end infinite}
@media (prefers-reduced-motion:reduce){#s{animation:none}}
@keyframes s{
0%{transform:translateY(${frames[0].y}px)}
${keyframes}
}
</style>
<rect width="${width}" height="${height}" rx="8"/>
<svg x="${margin}" y="${margin}" width="${width - 2 * margin}" height="${height - 2 * margin}" overflow="hidden"><g id="s" transform="translate(0 ${frames.at(-1).y})" xml:space="preserve">
${texts.join("\n")}
</g></svg>
</svg>
`;
}
