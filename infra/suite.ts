import type { FunctionContract } from '../shared/http/contract.ts';
import { makeAccounts } from './accounts.ts';
import { copyRecords } from './backups.ts';
import { setBudget } from './budget.ts';
import { makeBuildPlace } from './build.ts';
import { makeTopic, subscribeRecorder } from './events.ts';
import { deploy } from './functions.ts';
import { grant } from './grants.ts';
import { makeSigningKey } from './keys.ts';
import { monitor } from './monitoring.ts';
import { keyVersionName, urlOf } from './names.ts';
import { after, auditKeyAccess, enableApis } from './project.ts';
import { makeDatabases } from './records.ts';
import { scheduleSweep } from './schedule.ts';
import { makeSecrets } from './secrets.ts';
import type { StackSettings } from './settings.ts';

/** Creates everything in the cloud from the manifest and a stack's settings. Returns the stack's outputs. */
export function suite(manifest: readonly FunctionContract[], settings: StackSettings) {
  const options = enableApis();
  const accounts = makeAccounts(manifest, options);
  const place = makeBuildPlace(accounts.build, settings, options);
  const secrets = makeSecrets(settings, options);
  const signingKey = makeSigningKey(settings, options);
  auditKeyAccess(settings, options);
  const database = makeDatabases(settings, options);
  copyRecords(settings, after(options, database));
  const topic = makeTopic(settings, options);

  const functions = manifest.map((contract) => {
    const account = accounts.functions.get(contract.name);
    if (!account) throw new Error(`${contract.name}: has no account`);
    const grants = grant(contract, account, { topic, signingKey, secrets }, settings, options);
    const ready = after(options, ...place.grants, ...grants);
    return deploy(contract, account, place, accounts.services, settings, ready);
  });
  subscribeRecorder(topic, manifest, accounts, settings, after(options, ...functions));
  scheduleSweep(manifest, accounts, settings, after(options, ...functions));

  setBudget(monitor(settings, options), settings, options);
  return {
    urls: Object.fromEntries(manifest.map(({ name }) => [name, urlOf(name, settings)])),
    signingKeyVersion: keyVersionName(settings),
    topic: topic.id,
    database: database.id,
  };
}
