import type { Lab } from "../../lab";
import { setTimeout as sleep } from "node:timers/promises";
import type { DynamicProvider } from "../support/dynamic-provider";
import type { RunningCommand } from "../support/pulumi/pulumi-project";
import { verbOf, type Operation, type RecordedStep } from "./operations";
import type { TcpProxy } from "./tcp-proxy";

/** What a fault is done to. */
export interface Victim {
  readonly lab: Lab;
  readonly provider: DynamicProvider;
  readonly proxy: TcpProxy;
  readonly operation: Operation;
  /** The operation's plan. */
  readonly steps: readonly RecordedStep[];
}

/** One fault, done from outside to real processes. */
export interface Fault {
  readonly name: string;
  /** What has become of the guest: gone for good, paused until someone resumes it, or as before. */
  readonly guest: "runs" | "gone" | "paused";
  inject(victim: Victim): Promise<void>;
  /** Takes the cause away, as whoever caused it would, before the user recovers. */
  relieve?(victim: Victim): Promise<void>;
  /** Recovery is done while the fault lasts; this ends it afterwards. */
  outlast?(victim: Victim): Promise<void>;
  /** Cleans up after the test itself: what a stranger left on the host. */
  tidy?(lab: Lab, operation: Operation): Promise<void>;
  /** Where it makes sense; default: at every step, before it and while it is under way. */
  at?(step: RecordedStep, steps: readonly RecordedStep[], when: When): boolean;
}

/** One fault that is done to the `pulumi` process, which has started the provider. */
export interface EngineFault {
  readonly name: string;
  /** Whether Pulumi's lock on the stack stays behind. */
  readonly kills: boolean;
  inject(pulumi: RunningCommand): Promise<void>;
}

/** At the boundary before a step, or after its request has gone out. */
export type When = "before" | "during";

const GUEST = "guest1";

async function onHost(lab: Lab, command: string, timeoutMs = 120_000): Promise<void> {
  const { code, stderr } = await lab.exec(command, { timeoutMs });
  if (code !== 0) throw new Error(`on the lab's host, "${command}" ended with ${code}: ${stderr}`);
}

function signal(provider: DynamicProvider, name: NodeJS.Signals): Promise<void> {
  process.kill(provider.pid, name);
  return Promise.resolve();
}

/** Waits on the host until the shell's condition holds. */
function untilOnHost(lab: Lab, condition: string, seconds: number): Promise<void> {
  const waiting = `for i in $(seq ${seconds * 5}); do ${condition} && exit; sleep 0.2; done; exit 1`;
  // each look takes its time as well
  return onHost(lab, waiting, seconds * 2000);
}

/** What a user, or the machine, does to `pulumi` itself. */
export const engineFaults: readonly EngineFault[] = [
  {
    name: "pulumi killed (-9)",
    kills: true,
    inject: (pulumi) => Promise.resolve(pulumi.kill("SIGKILL")),
  },
  {
    name: "pulumi interrupted (Ctrl-C)",
    kills: false,
    inject: (pulumi) => Promise.resolve(pulumi.kill("SIGINT")),
  },
  {
    name: "pulumi interrupted twice",
    kills: false,
    inject: async (pulumi) => {
      pulumi.kill("SIGINT");
      await pulumi.line(/\^C received; cancelling/);
      pulumi.kill("SIGINT");
    },
  },
];

/** The first step of its kind, before it: what "between plan and act" means for whoever is faster. */
const beforeFirst =
  (verb: string) =>
  (step: RecordedStep, steps: readonly RecordedStep[], when: When): boolean =>
    when === "before" && steps.find((one) => verbOf(one) === verb)?.number === step.number;

const stranger = { driver: "virtio-rng-pci", id: "stranger", addr: "0x0" };
const unassigned =
  "<hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/><source>" +
  "<address domain='0' bus='1' slot='0' function='1'/></source><alias name='ua-stranger'/>" +
  "<address type='unassigned'/></hostdev>";

async function removeStranger(lab: Lab): Promise<void> {
  await lab.qmp(GUEST, "device_del", { id: stranger.id });
  const list = `virsh qemu-monitor-command ${GUEST} '{"execute":"qom-list","arguments":{"path":"/machine/peripheral"}}'`;
  await untilOnHost(lab, `! ${list} | grep -q '"${stranger.id}"'`, 60);
}

/** How long the host waits for a silent client before it lets go of its locks, and somewhat more. */
const FENCED_MS = 13_000;

/** @param suspendedMs how long a suspended client sleeps, if longer than fencing takes */
export function allFaults(suspendedMs = 0): readonly Fault[] {
  return [
    {
      name: "provider killed (-9)",
      guest: "runs",
      inject: ({ provider }) => signal(provider, "SIGKILL"),
    },
    {
      name: "SSH cut",
      guest: "runs",
      inject: ({ proxy }) => Promise.resolve(proxy.cut()),
    },
    {
      name: "SSH silent, no FIN",
      guest: "runs",
      inject: ({ proxy }) => Promise.resolve(proxy.fallSilent()),
    },
    {
      name: "sshd session killed",
      guest: "runs",
      // before OpenSSH 9.8 a session's process is called as the daemon's is
      inject: ({ lab }) =>
        onHost(lab, "pkill -KILL -x sshd-session || pkill -KILL -f '^sshd: (root|operator)[@ ]'"),
    },
    {
      name: "client suspended, wakes up after the recovery",
      guest: "runs",
      inject: async ({ provider }) => {
        await signal(provider, "SIGSTOP");
        await sleep(Math.max(FENCED_MS, suspendedMs));
      },
      outlast: ({ provider }) => signal(provider, "SIGCONT"),
    },
    {
      name: "libvirtd restarted",
      guest: "runs",
      inject: ({ lab }) => onHost(lab, "systemctl restart libvirtd"),
    },
    {
      name: "libvirtd stopped for 10 s",
      guest: "runs",
      inject: async ({ lab }) => {
        await onHost(lab, "systemctl stop libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd");
        void sleep(10_000).then(() => onHost(lab, "systemctl start libvirtd.socket libvirtd"));
      },
      relieve: ({ lab }) => untilOnHost(lab, "systemctl is-active -q libvirtd", 60),
    },
    {
      name: "guest reset",
      guest: "runs",
      inject: async ({ lab }) => {
        // it says once that it is up, to whoever listens then
        await onHost(
          lab,
          `rm -f /run/guest-is-up; (lab-console ${GUEST} ready && touch /run/guest-is-up) >/dev/null 2>&1 &`,
        );
        await onHost(lab, `virsh reset ${GUEST}`);
      },
      relieve: ({ lab }) => untilOnHost(lab, "[ -e /run/guest-is-up ]", 360),
    },
    {
      name: "guest destroyed",
      guest: "gone",
      inject: ({ lab }) => onHost(lab, `virsh destroy ${GUEST}`),
    },
    {
      name: "guest's QEMU killed (-9)",
      guest: "gone",
      inject: ({ lab }) => onHost(lab, `kill -9 $(cat /run/libvirt/qemu/${GUEST}.pid)`),
    },
    {
      name: "guest shut down from inside",
      guest: "gone",
      inject: async ({ lab }) => {
        await lab.guestConsole(GUEST, "(sleep 0.2; poweroff -f) &");
        await untilOnHost(lab, `[ "$(LC_ALL=C virsh domstate ${GUEST})" = "shut off" ]`, 60);
      },
    },
    {
      name: "guest paused",
      guest: "paused",
      inject: ({ lab }) => onHost(lab, `virsh suspend ${GUEST}`),
      relieve: ({ lab }) => onHost(lab, `virsh resume ${GUEST}`),
    },
    {
      name: "chosen slot taken by someone else",
      guest: "runs",
      at: beforeFirst("plug"),
      inject: async ({ lab, steps }) => {
        const [, bus] = / of (pci\.\d+)/.exec(steps.find((one) => verbOf(one) === "plug")?.text ?? "") ?? [];
        await lab.qmp(GUEST, "device_add", { ...stranger, bus });
      },
      // a slot that the program names must be free again; else another one is found
      relieve: async ({ lab, operation }) => {
        if (operation.after?.["guestSlot"]) await removeStranger(lab);
      },
      tidy: async (lab, operation) => {
        if (!operation.after?.["guestSlot"]) await removeStranger(lab);
      },
    },
    {
      name: "a function held by another guest",
      guest: "runs",
      at: beforeFirst("hold"),
      inject: ({ lab }) =>
        onHost(
          lab,
          `echo "${unassigned}" > /root/stranger.xml && virsh attach-device guest2 /root/stranger.xml --live`,
        ),
      relieve: ({ lab }) => onHost(lab, "virsh detach-device guest2 /root/stranger.xml --live"),
    },
  ];
}
