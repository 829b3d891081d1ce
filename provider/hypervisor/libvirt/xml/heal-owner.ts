import { isTag, tagOf } from "../../../plan";
import { decodeReferences } from "./xml-reader";

/**
 * References as a reader that knows none has left them: all, those to characters by their number, those that
 * libxml2 writes.
 */
const forms = [
  /&(?:#\d{1,7}|#x[0-9a-f]{1,6}|amp|lt|gt|quot|apos);/gi,
  /&#(?:\d{1,7}|x[0-9a-f]{1,6});/gi,
  /&#x[0-9A-F]{2,6};/g,
];
const MAX_TIMES = 3;
const unchanged = (text: string): string => text;

/**
 * libvirt prints what is not ASCII in metadata as references, which 0.1 took for the text and wrote back as
 * such. What heals a text of that entry: nothing where its owner is the one that its tag was made of, else
 * the decoding after which it is. The tag is the only proof; an owner is never decoded because it looks as if
 * it should be.
 */
export function healingOf(owner: string, tag: string): (text: string) => string {
  if (!owner.includes("&") || !isTag(tag) || tagOf(owner) === tag) return unchanged;
  const healings = forms.flatMap((form) =>
    Array.from({ length: MAX_TIMES }, (_, index) => (text: string) => decodeTimes(text, form, index + 1)),
  );
  return healings.find((heal) => tagOf(heal(owner)) === tag) ?? unchanged;
}

function decodeTimes(text: string, form: RegExp, times: number): string {
  let decoded = text;
  for (let time = 0; time < times; time++)
    decoded = decoded.replace(form, (one) => decodeReferences(one) ?? one);
  return decoded;
}
