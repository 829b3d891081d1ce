import type { SshConnection, SshExit } from "../../../provider/ssh";

/** Runs a command to its end and collects what it prints. */
export async function run(
  connection: SshConnection,
  command: string,
): Promise<SshExit & { readonly stdout: string; readonly stderr: string }> {
  const process = await connection.exec(command);
  const chunks: Buffer[] = [];
  process.stdio.on("data", (chunk: Buffer) => chunks.push(chunk));
  process.stdio.end();
  const ended = new Promise((resolve) => process.stdio.once("close", resolve));
  const exit = await process.exited;
  await ended;
  return { ...exit, stdout: Buffer.concat(chunks).toString("utf8"), stderr: process.stderrText };
}
