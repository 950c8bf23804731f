import type { LogLine } from '../ports/log-line.ts';

/** One JSON object a line, which Cloud Logging takes apart by itself. */
export function logToStandardOutput(line: LogLine): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`);
}
