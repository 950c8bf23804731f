import { isInternal } from '../shared/http/callers.ts';
import type { FunctionContract } from '../shared/http/contract.ts';
import { makeAccounts } from './accounts.ts';
import { copyRecords } from './backups.ts';
import { setBudget } from './budget.ts';
import { makeBuildPlace } from './build.ts';
import { makeTopic, subscribeRecorder } from './events.ts';
import { deploy } from './functions.ts';
import { grant } from './grants.ts';
import { delayForIam } from './iam-delay.ts';
import { makeSigningKey } from './keys.ts';
import { excludeRequestLines, keepLogs } from './logs.ts';
import { monitor } from './monitoring.ts';
import { keyVersionName, urlOf } from './names.ts';
import { after, auditKeyAccess, enableApis } from './project.ts';
import { makeDatabases } from './records.ts';
import { makeMemorystore } from './redis.ts';
import { scheduleSweep } from './schedule.ts';
import { makeSecrets } from './secrets.ts';
import type { StackSettings } from './settings.ts';

/** Creates everything in the cloud from the manifest and a stack's settings. Returns the stack's outputs. */
export function suite(manifest: readonly FunctionContract[], settings: StackSettings) {
  const options = enableApis(settings);
  const iam = delayForIam();
  const accounts = makeAccounts(manifest, options);
  const place = makeBuildPlace(accounts.build, settings, iam, options);
  const secrets = makeSecrets(settings, options);
  const signingKey = makeSigningKey(settings, options);
  auditKeyAccess(settings, options);
  keepLogs(settings, options);
  excludeRequestLines(settings, options);
  const { database, indexes } = makeDatabases(settings, options);
  copyRecords(settings, after(options, database));
  const topic = makeTopic(settings, options);
  const memorystore = makeMemorystore(settings, options);

  const accountOf = ({ name }: FunctionContract) => {
    const account = accounts.functions.get(name);
    if (!account) throw new Error(`${name}: has no account`);
    return account;
  };
  const grants = manifest.flatMap((contract) =>
    grant(contract, accountOf(contract), { topic, signingKey, secrets }, settings, iam.granting(options)),
  );
  const surroundings = { place, services: accounts.services, memorystore, settings, iam, options };
  const make = (contracts: readonly FunctionContract[], ready: typeof options) =>
    contracts.map((contract) => deploy(contract, accountOf(contract), surroundings, ready));
  // Functions wait for all grants and not only for their own, so that all of them wait for IAM at the same time.
  const redis = memorystore ? [memorystore.instance] : [];
  const ready = after(options, ...indexes, ...redis, ...place.grants, ...grants);
  // First those that events and sweeps come to: they must know what the others write, and refuse what they do not know.
  const first = make(manifest.filter(isInternal), ready);
  const rest = make(
    manifest.filter((contract) => !isInternal(contract)),
    after(ready, ...first),
  );
  const functions = [...first, ...rest];
  subscribeRecorder(topic, manifest, accounts, settings, after(options, ...functions));
  scheduleSweep(manifest, accounts, settings, after(options, ...functions));

  setBudget(monitor(settings, options, functions), settings, options);
  return {
    urls: Object.fromEntries(manifest.map(({ name }) => [name, urlOf(name, settings)])),
    signingKeyVersion: keyVersionName(settings),
    topic: topic.id,
    database: database.id,
  };
}
