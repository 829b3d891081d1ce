import {
  actualStateOf,
  type Hypervisor,
  type ObservationQuery,
  type ActualState,
} from "../../provider/apply";
import type { PriorAttachment } from "../../provider/plan";

/** Looks at what is really there of one owner's attachment; undefined where nothing is. */
export async function readActualState(
  hypervisor: Hypervisor,
  query: ObservationQuery,
  ownerToken: string,
  signal: AbortSignal,
  prior?: PriorAttachment,
): Promise<ActualState | undefined> {
  const observation = await hypervisor.host.observe(query, signal);
  return actualStateOf(hypervisor, { observation, ownerToken, prior }, signal);
}
