import type { GuestRunState } from "../../plan";
import { isRecord, QmpProtocolError, type QmpMonitor } from "../../qmp";

/** Whether the guest of a QEMU that answers runs. */
export async function readRunState(monitor: QmpMonitor, signal: AbortSignal): Promise<GuestRunState> {
  const status = await monitor.execute("query-status", undefined, signal);
  if (!isRecord(status) || typeof status["status"] !== "string")
    throw new QmpProtocolError("query-status did not answer with a status");
  if (status["status"] === "prelaunch") return "prelaunch";
  return status["running"] === true ? "running" : "paused";
}
