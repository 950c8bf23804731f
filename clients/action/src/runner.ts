import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';

/**
 * What a runner and an action exchange: variables, files and lines of output
 * (https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands).
 */

/** The value of an input of action.yml, trimmed; '' if it is not set. */
export function input(name: string): string {
  return (process.env[`INPUT_${name.toUpperCase()}`] ?? '').trim();
}

/** What the main step has saved for the post step; '' if nothing. */
export function savedState(name: string): string {
  return process.env[`STATE_${name}`] ?? '';
}

export function saveState(name: string, value: string): void {
  append('GITHUB_STATE', name, value);
}

export function setOutput(name: string, value: string): void {
  append('GITHUB_OUTPUT', name, value);
}

/** Sets a variable of all later steps of the job. */
export function setVariable(name: string, value: string): void {
  append('GITHUB_ENV', name, value);
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** A line that the runner obeys. In its text, a line break would begin another command. */
export function command(name: 'add-mask' | 'error' | 'warning', text: string): void {
  print(`::${name}::${text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')}`);
}

/** The delimiter is random: no value can end itself and set another name. */
function append(file: string, name: string, value: string): void {
  const path = process.env[file];
  const delimiter = randomUUID();
  if (path) appendFileSync(path, `${name}<<${delimiter}\n${value}\n${delimiter}\n`);
}
