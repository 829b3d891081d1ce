import { createServer, type AddressInfo } from "node:net";
import { HypervisorPool } from "../../../provider/connections/hypervisor-pool";
import { SshTargetResolver } from "../../../provider/connections/ssh-target-resolver";

/** A port that refuses every dial: it was free a moment ago. */
async function refusingPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const hostKey = `SHA256:${"A".repeat(43)}`;
const { signal } = new AbortController();
const silent = { localUser: "alice", ask: () => Promise.resolve({}) };

test("a preview remembers a host that does not answer, for one login alone", async () => {
  const say = (): void => undefined;
  const resolver = new SshTargetResolver({ environment: {}, openssh: silent, say });
  const pool = new HypervisorPool(resolver);
  const port = await refusingPort();
  const preview = (password: string, guest = "guest1"): Promise<unknown> =>
    pool
      .openForPreview(
        {
          connection: { host: "127.0.0.1", port, hostKey, password },
          by: "libvirt",
          guest,
          uri: undefined,
        },
        signal,
      )
      .then(undefined, (error: unknown) => error);
  const first = await preview("one");
  expect(first).toMatchObject({ code: "SSH_DIAL_FAILED" });
  expect(await preview("one", "guest2")).toBe(first);
  expect(await preview("two")).not.toBe(first);
  await pool.close();
});
