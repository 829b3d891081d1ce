import { XMLParser } from "fast-xml-parser";
import { barChart, lineChart } from "../../../bench/chart";

type Shape = Readonly<Record<string, string>>;

/** The elements of a drawing by their names, each with its attributes. */
function read(svg: string): { rect: Shape[]; circle: Shape[]; text: (Shape & { "#text": string })[] } {
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: "",
    parseTagValue: false,
    isArray: (name) => ["rect", "circle", "text"].includes(name),
  });
  return { rect: [], circle: [], ...(parser.parse(svg) as { svg: object }).svg } as never;
}

const bars = barChart({
  title: "Seconds <lower is better>",
  parts: ["attach", "detach"],
  unit: "s",
  bars: [
    { label: "slow & old", parts: [30, 10] },
    { label: "quick", parts: [8, 2] },
  ],
});

test("bars are as long as their values, one part after the other", () => {
  // the ground, two of the legend, then two for each bar
  const [, , , slowAttach, slowDetach, quickAttach, quickDetach] = read(bars).rect;
  const [first, second, third, fourth] = [slowAttach, slowDetach, quickAttach, quickDetach].map((one) =>
    Number(one!["width"]),
  );
  expect(first! / second!).toBeCloseTo(3, 1);
  expect(first! / third!).toBeCloseTo(30 / 8, 1);
  expect(third! / fourth!).toBeCloseTo(4, 1);
  expect(Number(slowDetach!["x"])).toBeCloseTo(Number(slowAttach!["x"]) + first!, 0);
  expect(slowAttach!["fill"]).toBe(quickAttach!["fill"]);
  expect(slowAttach!["fill"]).not.toBe(slowDetach!["fill"]);
});

test("words are written out, with the sums", () => {
  const words = read(bars).text.map((one) => one["#text"]);
  expect(words).toEqual(expect.arrayContaining(["slow & old", "40.0 s", "quick", "10.0 s", "attach"]));
});

test("text and ground change with the reader's scheme", () => {
  expect(bars).toMatch(/@media \(prefers-color-scheme: dark\) \{[^}]*text \{ fill: #f/);
  expect(bars).not.toMatch(/<text[^>]* fill=/);
});

const lines = lineChart({
  title: "Fleets",
  across: "attachments",
  unit: "s",
  positions: [1, 4, 16, 64],
  panels: [
    { title: "1 host", lines: [{ name: "provider", values: [1, 10, 100, 1000] }] },
    { title: "8 hosts", lines: [{ name: "script", values: [undefined, undefined, 10, 100] }] },
  ],
});

test("a point stands for each value, at equal steps if the values grow tenfold", () => {
  const points = read(lines).circle;
  expect(points).toHaveLength(6);
  const heights = points.slice(0, 4).map((one) => Number(one["cy"]));
  const steps = heights.slice(1).map((one, n) => heights[n]! - one);
  for (const step of steps) expect(step).toBeCloseTo(steps[0]!, 1);
  expect(steps[0]).toBeGreaterThan(0);
  // the same value at the same height in the other panel, in its own colour
  expect(points[4]!["cy"]).toBe(points[1]!["cy"]);
  expect(points[4]!["fill"]).not.toBe(points[1]!["fill"]);
});

test("nothing is drawn outside of the ground", () => {
  for (const drawing of [bars, lines]) {
    const { rect, circle } = read(drawing);
    const [, width] = /viewBox="0 0 ([\d.]+) [\d.]+"/.exec(drawing)!;
    for (const one of rect) expect(Number(one["x"]) + Number(one["width"])).toBeLessThan(Number(width));
    for (const one of circle) expect(Number(one["cx"])).toBeLessThan(Number(width));
  }
});
