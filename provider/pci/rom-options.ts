/**
 * What the guest sees as the expansion ROM of a function (option ROM, VBIOS); where nothing is said, the
 * device's own.
 */
export interface RomOptions {
  /** Absolute path on the host of a file that stands for the device's own ROM. */
  readonly romFile?: string;
  /** Whether there is a ROM BAR; undefined leaves it to QEMU, which shows one. */
  readonly romBar?: boolean;
}

/** The options alone, of whatever has them. */
export function romOptionsOf({ romFile, romBar }: RomOptions): RomOptions {
  return { ...(romFile !== undefined && { romFile }), ...(romBar !== undefined && { romBar }) };
}

/** Whether anything is said of the ROM. */
export function hasRomOptions({ romFile, romBar }: RomOptions): boolean {
  return romFile !== undefined || romBar !== undefined;
}

/** Whether the guest sees the same ROM: a BAR that was asked for is the one that QEMU shows unasked. */
export function isSameRom(a: RomOptions, b: RomOptions): boolean {
  return a.romFile === b.romFile && (a.romBar ?? true) === (b.romBar ?? true);
}
