import { type Erasure, type ErasureStep, roundOf } from '../../domain/erasure.ts';
import type { Deps } from '../../ports/deps.ts';
import { forEachTenant, type Step } from './engine.ts';
import { forgetPerson, signOut } from './person.ts';
import { forgetPseudonyms, forgetTraces } from './pseudonyms.ts';
import { endLicenses, forgetSessionsOfPerson } from './sessions.ts';
import { closeTenant, endBilling, forgetEvents, forgetHistories, forgetMembers } from './tenant.ts';

/**
 * Goes on with an erasure to the end of its round, or until `isTimeUp`, and returns it as it is then. Works in batches,
 * each of which is safe to repeat: whoever dies in between, and whoever else is at it too, nothing is lost, harmed or
 * counted twice.
 */
export async function carryOut(erasure: Erasure, deps: Deps, isTimeUp: () => boolean): Promise<Erasure> {
  const round = roundOf(erasure);
  let current = erasure;
  while (roundOf(current) === round && !isTimeUp()) {
    const [step] = current.todo;
    if (step === undefined) return current;
    current = await STEPS[step](current, deps);
  }
  return current;
}

const STEPS: Readonly<Record<ErasureStep, Step>> = {
  sign_out: signOut,
  sessions: forgetSessionsOfPerson,
  pseudonyms: forgetPseudonyms,
  close: forEachTenant(closeTenant),
  billing: forEachTenant(endBilling),
  licenses: forEachTenant(endLicenses),
  histories: forEachTenant(forgetHistories),
  events: forEachTenant(forgetEvents),
  members: forEachTenant(forgetMembers),
  person: forgetPerson,
  traces: forgetTraces,
};
