import fc from "fast-check";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { PartialFailure } from "../../../provider/dynamic/partial-failure";
import { toEngineProperties, toEngineValue } from "../../../provider/dynamic/engine-values";

class Something {
  readonly field = 1;
}

/** Values of every kind that code may hand over by mistake; never cyclic, since a state is read from JSON. */
const anything = fc.letrec<{ value: unknown; leaf: unknown }>((tie) => ({
  leaf: fc.oneof(
    fc.anything({
      withDate: true,
      withMap: true,
      withSet: true,
      withBigInt: true,
      withTypedArray: true,
      withSparseArray: true,
      withNullPrototype: true,
    }),
    fc.constantFrom<unknown>(
      undefined,
      NaN,
      Infinity,
      -Infinity,
      -0,
      10n,
      Symbol("s"),
      new Date(0),
      new Map([["a", 1]]),
      new Set([1]),
      new Something(),
      new Error("e"),
      /x/,
      Buffer.from("x"),
      Promise.resolve(1),
      () => 1,
      Object.create(null),
    ),
  ),
  value: fc.oneof(
    { maxDepth: 4 },
    tie("leaf"),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie("value"), { maxKeys: 4 }),
  ),
})).value;
/** A key `__proto__` is left out: it goes over the wire, but google-protobuf's own reading loses it. */
const properties = fc
  .dictionary(fc.string(), anything, { maxKeys: 5 })
  .filter((values) => !JSON.stringify(toEngineProperties(values)).includes('"__proto__":'));

/** Values that a state has on purpose: they must come through unchanged. */
const plain = fc
  .jsonValue({ noUnicodeString: false })
  .filter((value) => !JSON.stringify(value).includes("-0"));

/** The encoding of Pulumi's own provider process. */
const encode = (value: object): object =>
  Struct.fromJavaScript(value as Record<string, never>).toJavaScript();

describe("what goes to the engine", () => {
  it("is taken by Pulumi's own encoding, and comes out as it went in", () => {
    fc.assert(
      fc.property(properties, (values) => {
        const state = toEngineProperties(values);
        expect(encode(state)).toEqual(state);
      }),
      { numRuns: 500 },
    );
  });

  it("is plain data unchanged", () => {
    fc.assert(fc.property(plain, (value) => expect(toEngineValue(value)).toEqual(value)));
  });

  it("is the same when it is made again", () => {
    fc.assert(
      fc.property(anything, (value) =>
        expect(toEngineValue(toEngineValue(value))).toEqual(toEngineValue(value)),
      ),
    );
  });

  it.each<[string, unknown, unknown]>([
    ["undefined in an object is left out", { a: undefined, b: 1 }, { b: 1 }],
    ["undefined in a list keeps its place", [1, undefined, 3], [1, null, 3]],
    ["a gap in a list keeps its place", Object.assign([], { 2: 1, length: 3 }), [null, null, 1]],
    ["NaN and infinity are null", { a: NaN, b: Infinity, c: [-Infinity] }, { a: null, b: null, c: [null] }],
    [
      "a Date, a Map or a Set is null",
      { a: new Date(0), b: new Map(), c: new Set() },
      { a: null, b: null, c: null },
    ],
    ["an object of a class is null", { a: new Something(), b: new Error("x") }, { a: null, b: null }],
    ["a function or a symbol is null", { a: () => 1, b: Symbol("s") }, { a: null, b: null }],
    ["a big integer is a text", { a: 2n ** 70n }, { a: "1180591620717411303424" }],
    [
      "undefined at any depth is left out",
      { a: { b: [{ c: undefined, d: { e: undefined } }] } },
      { a: { b: [{ d: {} }] } },
    ],
  ])("%s", (_name, value, expected) => {
    expect(toEngineValue(value)).toEqual(expected);
  });

  it("would be refused by that encoding without this: the test tests something", () => {
    expect(() => encode({ a: undefined })).toThrow(/Unexpected struct type/);
    expect(() => encode({ a: [new Date(0)], b: { c: () => 1 } })).toThrow(/Unexpected struct type/);
  });
});

describe("a partial failure", () => {
  it("has properties for the engine, the message as its reason, and its cause", () => {
    fc.assert(
      fc.property(properties, (values) => {
        const cause = new Error("the reason");
        const failure = new PartialFailure("mfpci-0", values, cause);
        expect(encode(failure.properties)).toEqual(toEngineProperties(values));
        expect(failure).toMatchObject({
          id: "mfpci-0",
          reasons: ["the reason"],
          message: "the reason",
          cause,
        });
      }),
    );
  });
});
