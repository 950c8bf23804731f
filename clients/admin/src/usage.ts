import type { Command } from './command.ts';

const WHERE_AND_HOW = `tenants, users, licenses, sessions and audit list work over HTTP: on the server that SEATLEASE_URL names, with its
OPERATOR_KEY, or, where that is not set, on the one that npm start runs here. audit verify and keys work on what the
server's environment names. Ends with 0 where all is well, 1 where something was found, 2 where it could not be done.`;

/** All there is to know: every command, by the noun that it begins with. */
export function wholeUsage(commands: readonly Command[]): string {
  return `${usageOf(commands)}\n\n${WHERE_AND_HOW}`;
}

/** How `commands` are called, and what each does. */
export function usageOf(commands: readonly Command[]): string {
  const nouns = Map.groupBy(commands, ({ name }) => name.split(' ')[0]);
  const groups = [...nouns.values()].map((group) => group.map(described).join('\n'));
  return ['Usage: npm run admin -- COMMAND [--json]', ...groups].join('\n\n');
}

function described({ name, synopsis, summary }: Command): string {
  return `  ${`${name} ${synopsis}`.trim()}\n      ${summary}`;
}
