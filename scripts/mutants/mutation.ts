export const OPERATORS = [
  'comparison',
  'boolean',
  'arithmetic',
  'statement',
  'literal',
  'property',
  'string',
] as const;
export type Operator = (typeof OPERATORS)[number];

/** A small change of one source file. */
export interface Mutation {
  /** Path from the root of the repository. */
  readonly file: string;
  readonly operator: Operator;
  /** Offsets of the text that is replaced. */
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
  readonly line: number;
  /** For the report, on one line. */
  readonly before: string;
  readonly after: string;
}

export interface Result {
  readonly mutation: Mutation;
  readonly fate: 'killed' | 'survived' | 'timed out';
  /** The test file that failed first. */
  readonly by?: string | undefined;
}

/** A mutation as an operator finds it. `shown`: what the report shows, if not all of the replaced text. */
export interface Change {
  readonly operator: Operator;
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
  readonly shown?: { readonly start: number; readonly end: number };
}

export const RELATIONS: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
};

export const ARITHMETIC: Readonly<Record<string, string>> = {
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '%': '*',
};

/** Text with spaces is for readers, and tests need not fix its words. */
export function isMessage(text: string): boolean {
  return /\s/.test(text);
}

export function mutationsOf(file: string, source: string, changes: readonly Change[]): Mutation[] {
  return changes
    .toSorted(
      (a, b) => a.start - b.start || a.end - b.end || a.replacement.localeCompare(b.replacement, 'en'),
    )
    .map(({ shown, ...change }) => {
      const { start, end } = shown ?? change;
      return {
        file,
        ...change,
        line: source.slice(0, start).split('\n').length,
        before: onOneLine(source.slice(start, end)),
        after: onOneLine(change.replacement.trim()) || '(removed)',
      };
    });
}

export function applyMutation(source: string, { start, end, replacement }: Mutation): string {
  return source.slice(0, start) + replacement + source.slice(end);
}

const MOST_SHOWN = 60;

function onOneLine(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > MOST_SHOWN ? `${line.slice(0, MOST_SHOWN - 1)}…` : line;
}
