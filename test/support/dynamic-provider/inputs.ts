import { generateKeyPairSync } from "node:crypto";
import type { Properties } from ".";

/** A private key made for this run, in a form that SSH clients read. */
export function makePrivateKey(): string {
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  });
  return privateKey;
}

/** A fingerprint that no server has. */
const wrongHostKey = `SHA256:${"A".repeat(43)}`;

/** Inputs that pass every check; nothing listens at their host. */
export const validInputs = {
  connection: { host: "127.0.0.1", port: 9, hostKey: wrongHostKey, password: "correct horse" },
  guest: { domain: "guest1" },
  device: "0000:01:00",
  functions: [0, 1],
  ownerToken: "acme/shop/prod/nic",
} as const satisfies Properties;

/** What a state made from {@link validInputs} holds. */
export const attachedState = {
  ...validInputs,
  slot: { bus: "pci.5", slot: 0, kind: "pcie-acpi" },
  guestAddress: "0000:05:00",
  guestConfigured: true,
  attached: [0, 1].map((number) => ({
    hostAddress: `0000:01:00.${number}`,
    guestFunction: number,
    qemuId: `mfpci-0123456789-${number}`,
    vendorId: "0x8086",
    productId: "0x10d3",
    hostDriver: "e1000e",
    iommuGroup: 5,
  })),
  held: [],
  guestUuid: "6f1c2a50-5a2f-4a3c-9c4b-7b7b0d8a1e01",
  hostUuid: "6f1c2a50-5a2f-4a3c-9c4b-7b7b0d8a1e02",
} as const satisfies Properties;
