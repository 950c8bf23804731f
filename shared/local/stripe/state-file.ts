import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { newState, type State } from './state.ts';

/** Reads the state, or returns `undefined` if the file does not exist. Throws if it is not a state file. */
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
    throw new Error(`${file} is not a state file of the fake Stripe. Delete it to start again.`, { cause });
  }
}

/** Replaces the file atomically, so that a crash leaves the old or the new state. */
export function writeState(file: string, state: State): void {
  writeFileSync(`${file}.new`, JSON.stringify(state), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
