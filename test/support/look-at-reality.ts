import { realityOf, type Hypervisor, type ObservationQuery, type Reality } from "../../provider/lifecycle";
import type { RememberedAttachment } from "../../provider/plan";

/** Looks at what is really there of one owner's attachment; undefined where nothing is. */
export async function lookAtReality(
  hypervisor: Hypervisor,
  query: ObservationQuery,
  ownerToken: string,
  signal: AbortSignal,
  remembered?: RememberedAttachment,
): Promise<Reality | undefined> {
  const observation = await hypervisor.host.observe(query, signal);
  return realityOf(hypervisor, observation, ownerToken, signal, remembered);
}
