import type { LogLine } from '../ports/log-line.ts';

/** One JSON object per line, the format that Cloud Logging parses. */
export function logToStandardOutput(line: LogLine): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`);
}
