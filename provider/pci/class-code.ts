/** PCI base class of bridges. */
const BRIDGE_CLASS = 0x06;

/** Whether a class code, as sysfs writes it (`0x060400`), is that of a bridge. */
export function isBridgeClass(classCode: string): boolean {
  return Number(classCode) >> 16 === BRIDGE_CLASS;
}
