import { providerError } from "../../errors";
import { isAcpiSlot, type GuestSlot } from "../../pci";
import { describeSlot } from "../../plan";
import type { Deadline } from "../../async/deadline";
import type { PlugWatch } from "./plug-watch";
import type { Guest, Progress } from "../ports";

const INTERVAL_MS = 250;
/** Firmware reads the tables within a tenth of a second after it has numbered the buses. */
const TABLES_MS = 2000;

/** What {@link BootWatch} works with. */
interface WatchParts {
  readonly guest: Guest;
  readonly deadline: Deadline;
  readonly progress: Progress;
  readonly watch: PlugWatch;
}

/**
 * Keeps the beginning of a guest's boot out of a plug. QEMU writes the ACPI tables when the firmware asks for
 * them, from what is in the slots at that moment: of a slot that is half plugged then, the guest sees
 * function 0 alone, until its next boot (docs/internals/qemu.md). So the first function waits for firmware
 * that has not got so far yet, and a slot that was half plugged when the guest began to boot is not
 * completed.
 */
export class BootWatch {
  readonly #parts: WatchParts;
  #hasBegun = false;
  #isAtBeginning = false;
  /** Beginnings of a boot that were heard; counted, so that none is forgotten over a wait. */
  #boots = 0;
  /** How many of them are waited for before the first plug. */
  #bootsBefore = 0;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  /**
   * Before the first function other than 0; once more for each further one does nothing. A guest that is
   * reset in that time is waited for again: nothing is plugged yet.
   */
  async begin({ bus, kind }: GuestSlot): Promise<void> {
    if (!isAcpiSlot(kind) || this.#hasBegun) return;
    this.#hasBegun = true;
    const { deadline, watch } = this.#parts;
    watch.tell(({ kind: news }) => {
      if (news === "reset" || (news === "resumed" && this.#isAtBeginning)) this.#boots += 1;
    });
    await watch.begin(deadline.signal);
    let hasSeen: boolean;
    do {
      this.#isAtBeginning = this.#boots > this.#bootsBefore;
      this.#bootsBefore = this.#boots;
      hasSeen = await this.#awaitTables(bus);
    } while (hasSeen && this.#boots > this.#bootsBefore);
  }

  /**
   * Whether firmware has seen the slots; a paused guest gets no further, and is heard where it is resumed too
   * early.
   */
  async #awaitTables(bus: string): Promise<boolean> {
    const { guest, deadline, progress } = this.#parts;
    const { signal } = deadline;
    for (let looks = 0; !(await guest.isEnumerated(bus, signal)); looks++) {
      this.#isAtBeginning = true;
      if ((await guest.runState(signal)) !== "running") return false;
      if (looks === 0)
        progress("the guest has just been reset; waiting until its firmware has seen the slots");
      await deadline.sleep(INTERVAL_MS, "the guest's firmware has not numbered its PCI buses yet");
    }
    if (this.#isAtBeginning)
      await deadline.sleep(TABLES_MS, "the guest's firmware was about to read which slots are taken");
    this.#isAtBeginning = false;
    return true;
  }

  /** Before function 0, which shows the others to the guest. @throws SLOT_HALF_BOOTED */
  assertNotHalfBooted(slot: GuestSlot): void {
    if (this.#boots > this.#bootsBefore)
      throw providerError("SLOT_HALF_BOOTED", { slot: describeSlot(slot) });
  }
}
