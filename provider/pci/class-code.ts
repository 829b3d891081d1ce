/** PCI's base class of bridges. */
const BRIDGE_CLASS = 0x06;

/** Whether a class code, as sysfs writes it (`0x060400`), is that of a bridge. */
export function isBridgeClass(classCode: string): boolean {
  return Number(classCode) >> 16 === BRIDGE_CLASS;
}

/** Subclasses of bridges with a bus of PCI's behind them: PCI, CardBus, semi-transparent PCI. */
const WITH_BUS_BEHIND = [0x04, 0x07, 0x09];
/** "Other bridge": what a vendor calls so, such as an NVSwitch or a non-transparent bridge. */
const OTHER_BRIDGE = 0x80;

/** The second byte of a class code. */
function subclassOf(classCode: string): number {
  return (Number(classCode) >> 8) & 0xff;
}

/** Whether a class code is that of a bridge to a bus of PCI's. */
export function isPciBridgeClass(classCode: string): boolean {
  return isBridgeClass(classCode) && WITH_BUS_BEHIND.includes(subclassOf(classCode));
}

/**
 * Whether a class code is that of a bridge which the machine itself is made of: to its processors, to ISA or
 * LPC, to EISA and so on.
 */
export function isMachineBridgeClass(classCode: string): boolean {
  return isBridgeClass(classCode) && ![...WITH_BUS_BEHIND, OTHER_BRIDGE].includes(subclassOf(classCode));
}
