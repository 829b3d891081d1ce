/**
 * A value as JSON in one line of ASCII: what is not is escaped, which every reader of JSON takes, whatever it
 * makes of UTF-8. A key that is undefined is left out.
 */
export function asciiJson(value: object): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
