import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { newState, type State } from './state.ts';

/** What was written there last, or `undefined` where there is no file. Throws where it holds something else. */
export function readState(file: string): State | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return { ...newState(), ...JSON.parse(text) };
  } catch (cause) {
    throw new Error(`${file} holds no state of the stand-in for Stripe: delete it to begin anew.`, { cause });
  }
}

/** Whole or not at all, whenever the process ends. */
export function writeState(file: string, state: State): void {
  writeFileSync(`${file}.new`, JSON.stringify(state), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
