import { globSync } from 'node:fs';
import { dirname } from 'node:path';
import { entryPointOf } from '../../functions/names.ts';

const HEADER = '// Generated from the folder names by `npm run generate`.\n';

/**
 * The files that list all functions: path and content. They depend only on folder names, so they can be written when no
 * list exists yet, or when a list names a deleted folder. Imports are literal, so that the compiler and bundlers see them.
 */
export function indexFiles(): ReadonlyMap<string, string> {
  const names = globSync('functions/*/contract.ts')
    .map((file) => dirname(file).replace(/^functions\W/, ''))
    .toSorted();
  return new Map([
    ['functions/manifest.ts', manifest(names)],
    ['functions/index.ts', handlers(names)],
    ['functions/testing/examples.ts', examples(names)],
  ]);
}

function manifest(names: readonly string[]): string {
  return `${HEADER}import type { FunctionContract } from '../shared/http/contract.ts';
${names.map((name) => `import ${entryPointOf(name)} from './${name}/contract.ts';\n`).join('')}
/** The contract of every function of the suite. */
export const MANIFEST = [
${names.map((name) => `  ${entryPointOf(name)},\n`).join('')}] as const satisfies readonly FunctionContract[];

export type FunctionName = (typeof MANIFEST)[number]['name'];
`;
}

function handlers(names: readonly string[]): string {
  return `${HEADER}import type { AnyHandlers } from '../shared/http/contract.ts';
import type { FunctionName } from './manifest.ts';

/** Loads the handlers of each function. */
export const HANDLERS: Readonly<Record<FunctionName, () => Promise<{ default: AnyHandlers }>>> = {
${names.map((name) => `  ${keyOf(name)}: () => import('./${name}/handler.ts'),\n`).join('')}};
`;
}

function examples(names: readonly string[]): string {
  const entries = names.map((name) => {
    const variable = entryPointOf(name);
    return variable === name ? `  ${name},\n` : `  '${name}': ${variable},\n`;
  });
  return `${HEADER}${names.map((name) => `import ${entryPointOf(name)} from '../${name}/example.ts';\n`).join('')}import type { FunctionName } from '../manifest.ts';
import type { AnyExamples } from '../example.ts';

/** The sample requests of each function. */
export const EXAMPLES: Readonly<Record<FunctionName, AnyExamples>> = {
${entries.join('')}};
`;
}

function keyOf(name: string): string {
  return /^\w+$/.test(name) ? name : `'${name}'`;
}
