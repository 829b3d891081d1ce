import { fail } from "../errors";
import { isAcpiSlot, type GuestSlot } from "../pci";
import { describeSlot } from "../plan";
import { pause, type Deadline } from "./deadline";
import type { Guest, Progress } from "./ports";

const LOOK_MS = 250;
/** Firmware reads the tables within a tenth of a second after it has numbered the buses. */
const TABLES_MS = 2000;

/** What {@link BootWatch} works with. */
interface WatchParts {
  readonly guest: Guest;
  readonly deadline: Deadline;
  readonly progress: Progress;
}

/**
 * Keeps the beginning of a guest's boot out of a plug. QEMU writes the ACPI tables when the firmware asks for them, from
 * what is in the slots at that moment: of a slot that is half plugged then, the guest sees function 0 alone, until its next
 * boot (docs/qemu.md). So the first function waits for firmware that has not got so far yet, and
 * a slot that was half plugged when the guest began to boot is not completed.
 */
export class BootWatch {
  readonly #parts: WatchParts;
  #isBootBegun = false;
  #stopListening: (() => Promise<void>) | undefined;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  /** Before the first function other than 0; once more for each further one does nothing. */
  async begin({ bus, kind }: GuestSlot): Promise<void> {
    if (!isAcpiSlot(kind) || this.#stopListening !== undefined) return;
    const { guest, deadline, progress } = this.#parts;
    const { signal } = deadline;
    let isAtBeginning = false;
    this.#stopListening = await guest.listen(({ kind: news }) => {
      if (news === "reset" || (news === "resumed" && isAtBeginning)) this.#isBootBegun = true;
    }, signal);
    for (let looks = 0; !(await guest.hasNumbered(bus, signal)); looks++) {
      // a paused guest gets no further; where it is resumed too early, that is heard
      isAtBeginning = true;
      if ((await guest.runState(signal)) !== "running") return;
      if (looks === 0)
        progress("the guest has just been reset; waiting until its firmware has seen the slots");
      await deadline.pause(LOOK_MS, "the guest's firmware has not numbered its PCI buses yet");
    }
    if (isAtBeginning) await pause(TABLES_MS, signal);
    isAtBeginning = false;
    this.#isBootBegun = false;
  }

  /** Before function 0, which shows the others to the guest; throws SLOT_HALF_BOOTED. */
  refuseHalfBooted(slot: GuestSlot): void {
    if (this.#isBootBegun) throw fail("SLOT_HALF_BOOTED", { slot: describeSlot(slot) });
  }

  async end(): Promise<void> {
    await this.#stopListening?.();
  }
}
