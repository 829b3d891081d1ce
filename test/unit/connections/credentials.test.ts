import { credentialChecks } from "../../../provider/connections/credential-checks";
import { chooseCredentials, readAmbientCredentials } from "../../../provider/connections/credentials";

const configured = (values: Readonly<Record<string, string>>) => ({ get: (key: string) => values[key] });
const exported = {
  MULTIFUNCTION_PCI_PRIVATE_KEY: "exported key",
  MULTIFUNCTION_PCI_PRIVATE_KEY_PASSWORD: "exported passphrase",
  MULTIFUNCTION_PCI_PASSWORD: "exported password",
};
const both = readAmbientCredentials(
  configured({ "multifunction-pci:privateKey": "configured key", "other:password": "not ours" }),
  exported,
);

describe("a credential", () => {
  it("is the program's, else the configuration's, else the environment's, each by itself", () => {
    expect(chooseCredentials({ password: "given" }, both, "host")).toMatchObject({
      privateKey: "configured key",
      privateKeyPassword: "exported passphrase",
      password: "given",
    });
    expect(chooseCredentials({ privateKey: "given key" }, both, "host")).toMatchObject({
      privateKey: "given key",
      password: "exported password",
    });
  });

  it("is named after the place that it came from", () => {
    expect(chooseCredentials({}, both, "host").sources).toEqual({
      privateKey: "multifunction-pci:privateKey in the stack's configuration",
      privateKeyPassword: "the environment variable MULTIFUNCTION_PCI_PRIVATE_KEY_PASSWORD",
    });
    expect(chooseCredentials({ privateKey: "k", privateKeyPassword: "p" }, both, "host").sources).toEqual({
      privateKey: "connection.privateKey",
      privateKeyPassword: "connection.privateKeyPassword",
    });
  });

  it("that is missing is looked for beside the key", () => {
    const configuredOnly = readAmbientCredentials(configured({ "multifunction-pci:privateKey": "k" }), {});
    expect(chooseCredentials({}, configuredOnly, "host").sources.privateKeyPassword).toBe(
      "multifunction-pci:privateKeyPassword in the stack's configuration",
    );
    const exportedOnly = readAmbientCredentials(undefined, { MULTIFUNCTION_PCI_PRIVATE_KEY: "k" });
    expect(chooseCredentials({}, exportedOnly, "host").sources.privateKeyPassword).toBe(
      "the environment variable MULTIFUNCTION_PCI_PRIVATE_KEY_PASSWORD",
    );
  });

  it("that is a password goes to no jump host without the program's own word", () => {
    expect(chooseCredentials({}, both, "jump host")).not.toHaveProperty("password");
    expect(chooseCredentials({}, both, "jump host")).toHaveProperty("privateKey");
    expect(chooseCredentials({ password: "own" }, both, "jump host")).toMatchObject({ password: "own" });
  });

  it("that is the configuration's key has the environment's as a spare", () => {
    const spare = { text: "exported key", passphrase: "exported passphrase" };
    expect(chooseCredentials({}, both, "host").spareKeys).toMatchObject([spare]);
    expect(chooseCredentials({ privateKey: "given" }, both, "host")).not.toHaveProperty("spareKeys");
    const exportedOnly = readAmbientCredentials(undefined, exported);
    expect(chooseCredentials({}, exportedOnly, "host")).not.toHaveProperty("spareKeys");
  });

  it("that is empty is none", () => {
    const empty = { "multifunction-pci:password": "" };
    expect(readAmbientCredentials(configured(empty), { MULTIFUNCTION_PCI_PASSWORD: "" })).toEqual({});
  });
});

describe("a key that cannot be used", () => {
  it("is named by its place in configuration or environment, never by its text", () => {
    const checks = credentialChecks(both);
    const problem = checks.findPrivateKeyProblem(undefined, undefined);
    expect(problem).toContain("multifunction-pci:privateKey in the stack's configuration");
    expect(problem).not.toContain("configured key");
    const fromEnvironment = credentialChecks(readAmbientCredentials(undefined, exported));
    const other = fromEnvironment.findPrivateKeyProblem(undefined, undefined);
    expect(other).toContain("the environment variable MULTIFUNCTION_PCI_PRIVATE_KEY");
    expect(other).not.toContain("exported key");
  });

  it("is nobody's where none is given", () => {
    expect(credentialChecks({}).findPrivateKeyProblem(undefined, undefined)).toBeUndefined();
  });
});
