import { HostHelper, type HelperProgram, type VersionRange } from "../../../../provider/host/helper";
import { HelperPeer } from "../../../support/helper-peer";

/** A program of the helper's form, which is installed, with these versions. */
function programOf(versions?: VersionRange): HelperProgram {
  return {
    command: "exec sudo -n /the/program",
    text: "",
    readyWord: "the-program",
    ...(versions && { versions }),
    errors: {
      failed: (target, reason) => new Error(`failed on ${target}: ${reason}`),
      refused: (target, text) => new Error(`refused on ${target}: ${text}`),
      outdated: (target, { newest, oldest }) => new Error(`outdated on ${target}: ${newest} ${oldest}`),
    },
  };
}

/** A host whose program has this greeting, and does what it is asked at once. */
function hostOf(greeting: string): HelperPeer {
  const peer: HelperPeer = new HelperPeer({
    greeting,
    onRequest: (verb, id) => {
      if (verb === "speak") peer.sayOnStderr(`= done ${id}\n`);
      if (verb === "survey") peer.say(`S ${id} one\ndone ${id}\n`);
    },
  });
  return peer;
}

describe("The version that is spoken", () => {
  const known = { newest: 3, oldest: 2 };

  it.each([
    ["3 2", "3"],
    ["2 2", "2"],
    ["4 3", "3"],
    ["9 1", "3"],
  ])("with a program of %s is the newest that both know, %s", async (found, spoken) => {
    const peer = hostOf(`\nready the-program 77 /run/lock ${found}\n`);
    const helper = new HostHelper(peer, programOf(known));
    expect(await helper.ask("survey")).toEqual(["one"]);
    expect(peer.requests).toEqual([`speak 1 ${spoken}`, "survey 2"]);
    await helper.close();
  });

  it.each([
    ["\nready the-program 77 /run/lock 5 4\n", "5 4"],
    ["\nready the-program 77 /run/lock 1 1\n", "1 1"],
    ["\nready the-program 77 /run/lock\n", "0 0"],
    // before it was a process for each connection
    ["\nthe-program 1\n", "1 1"],
  ])("is none with one that greets %j: it is refused at once", async (greeting, told) => {
    const peer = hostOf(greeting);
    const helper = new HostHelper(peer, programOf(known));
    await expect(helper.ask("survey")).rejects.toThrow(`outdated on root@hv1:22: ${told}`);
    expect(peer.requests).toEqual([]);
    expect(peer.stdio.destroyed).toBe(true);
  });

  it("is not told to a program that is always sent", async () => {
    const peer = hostOf("\nready the-program 77 /run/lock \n");
    const helper = new HostHelper(peer, programOf());
    expect(await helper.ask("survey")).toEqual(["one"]);
    expect(peer.requests).toEqual(["survey 1"]);
    await helper.close();
  });

  it("that is refused ends the program", async () => {
    const peer: HelperPeer = new HelperPeer({
      greeting: "\nready the-program 77 /run/lock 3 2\n",
      onRequest: (verb, id) => {
        if (verb === "speak") peer.sayOnStderr(`= fail ${id} it speaks versions 2 to 2\n`);
      },
    });
    const helper = new HostHelper(peer, programOf(known));
    await expect(helper.ask("survey")).rejects.toThrow("it speaks versions 2 to 2");
  });
});

describe("Answers on standard error", () => {
  /** A host that grants a lock by these pieces, in which ID stands for the request's. */
  const grantedBy = (...pieces: readonly string[]): HelperPeer => {
    const peer: HelperPeer = new HelperPeer({
      greeting: "\nready the-program 77 /run/lock\n",
      onRequest: (verb, id) => {
        if (verb === "lock") peer.sayOnStderr(...pieces.map((one) => one.replaceAll("ID", id)));
        if (verb === "unlock") peer.sayOnStderr(`= freed ${id}\n`);
      },
    });
    return peer;
  };

  it.each([
    ["whole", ["= got ID group-5\n"]],
    ["cut in pieces", ["=", " go", "t ID gro", "up-5", "\n"]],
    ["behind what a tool complains of", ["mv: no such file\n", "got ID group-6\n= got ID group-5\n"]],
  ])("are taken, %s", async (_how, pieces) => {
    const peer = grantedBy(...pieces);
    const helper = new HostHelper(peer, programOf());
    await (await helper.lock(["group-5"])).release();
    expect(peer.requests).toEqual(["lock 1 group-5", "unlock 2 group-5"]);
    await helper.close();
  });

  it("are none without their sign: a tool may say anything", async () => {
    const peer = grantedBy("got ID group-5\n", " = got ID group-5\n");
    const helper = new HostHelper(peer, programOf());
    await expect(helper.lock(["group-5"], AbortSignal.timeout(50))).rejects.toMatchObject({
      code: "SSH_LOCK_NOT_GRANTED",
    });
    await helper.close();
  });

  it("of endless length end the program", async () => {
    const helper = new HostHelper(grantedBy("= ".padEnd(5_000, "x"), "y".repeat(5_000)), programOf());
    await expect(helper.lock(["group-5"])).rejects.toThrow("it sent a line of over 8192 bytes");
  });

  it("that are none are told if the program ends", async () => {
    const peer: HelperPeer = new HelperPeer({
      greeting: "\nready the-program 77 /run/lock\n",
      code: 2,
      onRequest: () => {
        peer.sayOnStderr("= got 99 group-1\nbash: fork: Cannot ", "allocate memory\n");
        peer.stdio.destroy();
      },
    });
    await expect(new HostHelper(peer, programOf()).ask("survey")).rejects.toThrow(
      "it ended with exit code 2: bash: fork: Cannot allocate memory",
    );
  });
});

describe("A request that is answered with records", () => {
  it("puts them together, and tells what is begun", async () => {
    const peer: HelperPeer = new HelperPeer({
      greeting: "\nready the-program 77 /run/lock\n",
      onRequest: (_verb, id) =>
        peer.say(`at ${id} unbind x\ns ${id} one `, `half\nS ${id}  two\nat ${id} probe x\ndone ${id}\n`),
    });
    const helper = new HostHelper(peer, programOf());
    const begun: string[] = [];
    expect(await helper.ask("bind a b", { onBegun: (what) => begun.push(what) })).toEqual(["one half two"]);
    expect(begun).toEqual(["unbind x", "probe x"]);
    expect(peer.requests).toEqual(["bind 1 a b"]);
    await helper.close();
  });

  it("is refused by its own error, and the program goes on", async () => {
    const peer: HelperPeer = new HelperPeer({
      greeting: "\nready the-program 77 /run/lock\n",
      onRequest: (_verb, id) =>
        id === "1" ? peer.sayOnStderr(`= fail ${id} no\n`) : peer.say(`done ${id}\n`),
    });
    const helper = new HostHelper(peer, programOf());
    await expect(helper.ask("look")).rejects.toThrow("refused on root@hv1:22: no");
    expect(await helper.ask("look")).toEqual([]);
    await helper.close();
  });
});
