/** One line for standard error: a sentence for people, or an object for programs. */
export function eventLine(
  event: string,
  text: string,
  fields: Readonly<Record<string, unknown>>,
  asJson: boolean,
): string {
  return asJson ? `${JSON.stringify({ event, ...fields, message: text })}\n` : `seatlease: ${text}\n`;
}

/** What a command has to say: text for people and, with --json, one document for programs. */
export interface Report {
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
  /** Default: 0. */
  readonly exitCode?: number;
}
