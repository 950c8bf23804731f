import { ARITHMETIC, type Change, isMessage, type Mutation, mutationsOf, RELATIONS } from './mutation.ts';

const TOKEN =
  /--[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|\d+(?:\.\d+)?|[A-Za-z_]\w*|[<>=~]=|\.{2,3}|\S/g;

interface Token {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const EQUALITIES: Readonly<Record<string, string>> = { '==': '~=', '~=': '==' };
const WORDS: Readonly<Record<string, string>> = { and: 'or', or: 'and' };
const BOOLEANS: Readonly<Record<string, string>> = { true: 'false', false: 'true' };
const KEYWORDS = new Set([
  'return',
  'and',
  'or',
  'not',
  'then',
  'else',
  'elseif',
  'if',
  'while',
  'until',
  'do',
  'in',
]);

/** All mutations of a Lua source, in order of place. */
export function mutateLua(file: string, source: string): Mutation[] {
  const tokens = tokensOf(source);
  const changes = tokens.flatMap((token, i) => changesOf(token, tokens.slice(Math.max(0, i - 4), i), source));
  return mutationsOf(file, source, [...changes, ...removalsOf(source, tokens)]);
}

/** Without comments. */
function tokensOf(source: string): Token[] {
  return [...source.matchAll(TOKEN)]
    .filter(([text]) => !text.startsWith('--'))
    .map(({ 0: text, index: start }) => ({ text, start, end: start + text.length }));
}

/** `before`: up to four tokens before this one. */
function changesOf({ text, start, end }: Token, before: readonly Token[], source: string): Change[] {
  const change = (operator: Change['operator'], replacement: string): Change[] => [
    { operator, start, end, replacement },
  ];
  const flipped = EQUALITIES[text] ?? RELATIONS[text];
  if (flipped) return change('comparison', flipped);
  const word = WORDS[text];
  if (word) return change('boolean', word);
  if (text === 'not') {
    const [spaces = ''] = /^\s*/.exec(source.slice(end)) ?? [];
    return [{ operator: 'boolean', start, end: end + spaces.length, replacement: '', shown: { start, end } }];
  }
  const boolean = BOOLEANS[text];
  if (boolean) return change('literal', boolean);
  const other = ARITHMETIC[text];
  if (other && isOperand(before.at(-1))) return change('arithmetic', other);
  if (/^\d/.test(text)) return change('literal', String(Number(text) + 1));
  if (!/^['"]/.test(text) || text.length === 2 || isMessage(text) || isCommand(before)) return [];
  return change('string', "''");
}

/** Whether an operator after this token has two operands. */
function isOperand(token: Token | undefined): boolean {
  return token !== undefined && /^[\w'")\]}]/.test(token.text) && !KEYWORDS.has(token.text);
}

/** The first argument of `redis.call`: without it the call only fails. */
function isCommand(before: readonly Token[]): boolean {
  return before.map(({ text }) => text).join('') === 'redis.call(';
}

/** Calls that are statements on a line of their own. */
function removalsOf(source: string, tokens: readonly Token[]): Change[] {
  const lines = [...source.matchAll(/^[ \t]*([A-Za-z_][\w.]*\(.*\))[ \t]*$/gm)];
  return lines.flatMap(({ 0: line, 1: call = '', index }): Change[] => {
    const start = index + line.indexOf(call);
    const end = start + call.length;
    const own = tokens.filter((token) => start <= token.start && token.end <= end);
    const previous = tokens.findLast((token) => token.end <= start);
    const isWhole = depthOf(own) === 0 && own.at(-1)?.end === end && !isContinued(previous);
    return isWhole ? [{ operator: 'statement', start, end, replacement: '', shown: { start, end } }] : [];
  });
}

/** Zero if the parentheses are balanced and close only at the end. */
function depthOf(tokens: readonly Token[]): number {
  let depth = 0;
  for (const [i, { text }] of tokens.entries()) {
    if ('([{'.includes(text)) depth += 1;
    if (')]}'.includes(text)) depth -= 1;
    if (depth === 0 && text === ')' && i < tokens.length - 1) return -1;
  }
  return depth;
}

/** Whether the expression before continues after this token. */
function isContinued(token: Token | undefined): boolean {
  return (
    token !== undefined &&
    (/^([,=+*/%<>~({[-]|\.\.)/.test(token.text) || /^(return|and|or|not|in)$/.test(token.text))
  );
}
