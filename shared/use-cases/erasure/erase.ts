import { type Erasure, type ErasureStep, roundOf } from '../../domain/erasure.ts';
import type { Deps } from '../../ports/deps.ts';
import { eraseActs } from './acts.ts';
import { eraseAddresses } from './addresses.ts';
import { decide } from './begin.ts';
import { forEachTenant, type Step } from './engine.ts';
import { eraseUser, signOut } from './person.ts';
import { deleteTraces, erasePseudonyms, rememberErased } from './pseudonyms.ts';
import { endLicenses, endSessionsOfUser } from './sessions.ts';
import {
  closeTenant,
  deleteMembers,
  endBilling,
  eraseHistoryHolders,
  erasePeopleOfEvents,
} from './tenant.ts';

/**
 * Resumes an erasure until the end of its round or until `isTimeUp`, and returns its progress. Works in batches that
 * are safe to repeat: if a run is interrupted, or several run at once, nothing is lost, damaged or counted twice.
 */
export async function runErasure(erasure: Erasure, deps: Deps, isTimeUp: () => boolean): Promise<Erasure> {
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
  decide,
  sign_out: signOut,
  sessions: endSessionsOfUser,
  addresses: eraseAddresses,
  pseudonyms: erasePseudonyms,
  acts: eraseActs,
  erased_ids: rememberErased,
  close: forEachTenant(closeTenant),
  billing: forEachTenant(endBilling),
  licenses: forEachTenant(endLicenses),
  histories: forEachTenant(eraseHistoryHolders),
  events: forEachTenant(erasePeopleOfEvents),
  members: forEachTenant(deleteMembers),
  person: eraseUser,
  traces: deleteTraces,
};
