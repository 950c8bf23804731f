import type { Answer } from '../answers.ts';
import type { GivenName } from '../check.ts';
import type { Level } from '../finding.ts';

/** An answer in the form that the page `source` of the provider describes. */
export interface Recorded extends Answer {
  readonly source: string;
  /** Method and URL; of a Redis command, also its name. `*` is any text without `/` and `:`; without `?`, any query matches. */
  readonly request: string;
}

export interface Case {
  readonly name: string;
  /** Differences to the stack of the healthy answers. */
  readonly stack?: {
    readonly isDeployed?: boolean;
    readonly publicAccess?: 'invoker-check-off';
    readonly protectionLevel?: 'SOFTWARE';
    readonly clientId?: string;
    readonly returnUrl?: string;
    readonly given?: Partial<Record<GivenName, string>>;
  };
  /** Answers in place of the healthy ones. */
  readonly answers: readonly (Recorded | ChangedFunction | ChangedIndex | ChangedService)[];
  readonly finding: {
    readonly check: string;
    readonly level: Level;
    readonly found: string;
    readonly cure?: string;
  };
}

/** In the list of all functions, indexes or APIs, one is missing (`null`) or has other fields. */
export interface ChangedFunction {
  readonly function: string;
  readonly change: object | null;
}
export interface ChangedIndex {
  readonly index: number;
  readonly change: object | null;
}
export interface ChangedService {
  /** Without `.googleapis.com`. */
  readonly service: string;
  readonly change: object | null;
}
