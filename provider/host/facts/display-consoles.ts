import type { BeneathDevice } from "./beneath-device";

/**
 * Marks the displays that have the kernel's console, by the names of the virtual consoles' drivers that are
 * bound (`/sys/class/vtconsole`). A console on framebuffers is on the first of them, and on the one that the
 * firmware showed its picture on if that is another; where the first is none of a PCI function (`efifb`,
 * `simpledrm`), or the kernel shows none, it is on what the firmware began with. So is one in VGA's text.
 */
export function markConsoles(
  devices: readonly BeneathDevice[],
  bound: readonly string[],
): readonly BeneathDevice[] {
  const isOnFramebuffer = bound.some((one) => one.endsWith("frame buffer device"));
  const isOnText = bound.some((one) => one.includes("VGA"));
  if (!isOnFramebuffer && !isOnText) return devices;
  const framebuffers = devices.filter(isFramebuffer).sort((a, b) => numberOf(a) - numberOf(b));
  const first = isOnFramebuffer ? framebuffers[0] : undefined;
  const isOnBoot = isOnText || first === undefined || first.hostAddresses.length === 0;
  const boots = new Set(
    devices.filter((one) => one.traits?.includes("boot")).flatMap((one) => one.hostAddresses.slice(0, 1)),
  );
  const hasConsole = (one: BeneathDevice): boolean => {
    if (one === first) return true;
    const [nearest] = one.hostAddresses;
    if (nearest === undefined || !boots.has(nearest)) return false;
    return isFramebuffer(one) ? isOnFramebuffer : isOnBoot && one.traits?.includes("boot") === true;
  };
  return devices.map((one) =>
    hasConsole(one) ? { ...one, traits: [...(one.traits ?? []), "console"] } : one,
  );
}

function isFramebuffer({ kind, name }: BeneathDevice): boolean {
  return kind === "display" && /^fb\d+$/.test(name);
}

function numberOf({ name }: BeneathDevice): number {
  return Number(name.slice(2));
}
