import fc from "fast-check";

const SURROGATES = { from: 0xd800, count: 0x800 };

/**
 * Each code point that is a character of its own; the surrogates, which are halves of others, are left out.
 */
const anyCharacter = fc
  .nat({ max: 0x10ffff - SURROGATES.count })
  .map(characterOf, (character) => indexOf(character));

/**
 * Texts of whatever characters. They are those of `fc.string({ unit: "binary" })`, seed by seed; but
 * fast-check makes a table of a million characters for its own unit, which costs each file a second and a
 * hundred megabytes.
 */
export function anyText(
  lengths: Pick<fc.StringConstraints, "minLength" | "maxLength"> = {},
): fc.Arbitrary<string> {
  return fc.string({ ...lengths, unit: anyCharacter });
}

function characterOf(index: number): string {
  return String.fromCodePoint(index < SURROGATES.from ? index : index + SURROGATES.count);
}

/**
 * The reverse, for texts that fast-check puts among the random ones; a throw says that it is not a character.
 */
function indexOf(character: unknown): number {
  const [first, ...more] = typeof character === "string" ? character : "";
  const codePoint = first?.codePointAt(0);
  if (codePoint === undefined || more.length > 0) throw new Error("not one character");
  if (codePoint < SURROGATES.from) return codePoint;
  if (codePoint < SURROGATES.from + SURROGATES.count) throw new Error("half a character");
  return codePoint - SURROGATES.count;
}
