import type { EngineEvent } from "@pulumi/pulumi/automation";

const startedMs = Date.now();

function say(line: string): void {
  const seconds = (Date.now() - startedMs) / 1000;
  console.log(`${seconds.toFixed(1).padStart(6)} s  ${line}`);
}

/** The name at the end of a URN. */
const nameOf = (urn: string): string => urn.split("::").at(-1) ?? urn;

/** The stack and Pulumi's own provider are resources too. */
const isOwn = ({ type, op }: { readonly type: string; readonly op: string }): boolean =>
  !type.startsWith("pulumi:") && op !== "same";

/** The engine sends what it says when it is debugged too. */
const shown: ReadonlySet<string> = new Set(["info", "info#err", "warning", "error"]);

/** Prints one line for what begins, ends or fails, and for each line that the provider says. */
export function show(event: EngineEvent): void {
  const { diagnosticEvent, resourcePreEvent, resOutputsEvent, resOpFailedEvent, summaryEvent } = event;
  if (diagnosticEvent && shown.has(diagnosticEvent.severity)) {
    // The plan, each step in its turn, errors; with marks for colours, which are not for us.
    const text = diagnosticEvent.message.replace(/<\{%[^%]*%\}>/g, "").trimEnd();
    if (text !== "") say(text);
  }
  if (resourcePreEvent && isOwn(resourcePreEvent.metadata)) {
    const { op, urn } = resourcePreEvent.metadata;
    say(`${nameOf(urn)}: ${op} begins`);
  }
  if (resOutputsEvent && isOwn(resOutputsEvent.metadata)) {
    const { op, urn } = resOutputsEvent.metadata;
    say(`${nameOf(urn)}: ${op} ends`);
  }
  if (resOpFailedEvent)
    say(`${nameOf(resOpFailedEvent.metadata.urn)}: ${resOpFailedEvent.metadata.op} FAILED`);
  if (summaryEvent) {
    const changes = Object.entries(summaryEvent.resourceChanges).map(([op, count]) => `${count} ${op}`);
    say(`done: ${changes.join(", ")}`);
  }
}
