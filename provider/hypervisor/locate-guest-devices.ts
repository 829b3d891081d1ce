import { keysToAsk, withPlaces, type GuestDevice, type GuestDevices, type PlacesByKey } from "../host/facts";

/** Asks a host where in sysfs it has the devices with these keys. */
export type FindPlaces = (keys: readonly string[], signal: AbortSignal) => Promise<PlacesByKey>;

/** Keys in one request: it is a line on the host, and the arguments of a command there. */
const KEYS_AT_A_TIME = 500;

/** On which functions the devices of guests are; the host is asked only where there are some. */
export async function locateGuestDevices(
  devices: readonly GuestDevice[],
  findPlaces: FindPlaces | undefined,
  signal: AbortSignal,
): Promise<GuestDevices> {
  if (findPlaces === undefined) return withPlaces(devices, new Map());
  const keys = keysToAsk(devices);
  const parts = Array.from({ length: Math.ceil(keys.length / KEYS_AT_A_TIME) }, (_, n) =>
    keys.slice(n * KEYS_AT_A_TIME, (n + 1) * KEYS_AT_A_TIME),
  );
  const found = await Promise.all(parts.map((some) => findPlaces(some, signal)));
  return withPlaces(devices, new Map(found.flatMap((one) => [...one])));
}
