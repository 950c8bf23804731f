import * as z from 'zod/mini';
import type { Records } from '../../../shared/ports/records.ts';
import type { SigningKeys } from '../../../shared/ports/signing-keys.ts';
import type { Api } from './api.ts';
import { describeOptions, type ParsedAs } from './options.ts';

/** How a command ends: all is well; it found something; it could not be done. */
export const EXIT = { well: 0, found: 1, trouble: 2 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What a command works on, each part opened for it when it asks, and closed behind it. */
export interface AdminParts {
  withRecords<R>(work: (records: Records) => Promise<R>): Promise<R>;
  withKeys<R>(work: (keys: SigningKeys) => Promise<R>): Promise<R>;
  /** The server's HTTP API. Throws `Trouble` where the environment names no server to work on. */
  api(): Api;
  nowMs(): number;
}

/** What a command says in the end: the same in words and as JSON; or what kept it from being done. */
export type Outcome =
  | { readonly exit: ExitCode; readonly words: string; readonly json: object }
  | { readonly trouble: string };

export interface Command {
  /** As it is called: `audit verify`. */
  readonly name: string;
  readonly synopsis: string;
  readonly summary: string;
  readonly options: Readonly<Record<string, ParsedAs>>;
  /** Gives what runs the command, or what is wrong with its options. */
  prepare(options: unknown): ((parts: AdminParts) => Promise<Outcome>) | string;
}

/** A command whose options are read by `asked`, whose messages go on after the option's name. */
export function defineCommand<S extends z.ZodMiniObject>({
  name,
  summary,
  asked,
  run,
}: {
  readonly name: string;
  readonly summary: string;
  readonly asked: S;
  run(asked: z.output<S>, parts: AdminParts): Promise<Outcome>;
}): Command {
  return {
    name,
    summary,
    ...describeOptions(asked),
    prepare(options) {
      const read = z.safeParse(asked, options);
      if (read.success) return (parts) => run(read.data, parts);
      return read.error.issues
        .map(({ path, message }) => (path.length === 0 ? `${message}.` : `--${path.join('.')} ${message}.`))
        .join('\n');
    },
  };
}
