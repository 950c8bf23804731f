import { readFileSync } from 'node:fs';
import { validate } from '@actions/languageservice';
import { afterAll, describe, expect, test } from 'vitest';
import { TextDocument } from 'vscode-languageserver-textdocument';
import packageJson from '../package.json' with { type: 'json' };
import { describeInfra } from './testing/describe-infra.ts';
import { recordStack } from './testing/graph.ts';
import { makeBundles, settingsOf, withRedis } from './testing/stacks.ts';

const workflow = readFileSync('infra/github-actions.yml', 'utf8');
const runbook = readFileSync('infra/README.md', 'utf8');

describe('the example workflow', () => {
  let documents = 0;
  /** The faults that GitHub's own validator finds. It caches by address, so each text gets its own. */
  const faultsOf = async (text: string): Promise<string[]> => {
    documents += 1;
    const faults = await validate(TextDocument.create(`file:///${documents}.yml`, 'yaml', 1, text));
    return faults.map(({ message }) => String(message));
  };

  test('is valid', async () => {
    expect(await faultsOf(workflow)).toEqual([]);
  });

  test.each([
    ['runs-on:', 'run-on:'],
    ['id-token: write', 'id-token: rite'],
    ['vars.DEPLOYER', 'variables.DEPLOYER'],
    ['timeout-minutes: 60', 'timeout-minutes: long'],
  ])('would be refused with a fault in %s', async (part, faulty) => {
    expect(await faultsOf(workflow.replace(part, faulty))).not.toEqual([]);
  });

  test('runs only programs that package.json has', () => {
    const programs = [...workflow.matchAll(/npm run ([\w-]+)/g)].map(([, name]) => name);
    expect(programs.length).toBeGreaterThan(3);
    expect(programs.filter((name) => !(String(name) in packageJson.scripts))).toEqual([]);
  });
});

/**
 * The role that a deployer needs to create resources of a kind
 * (https://docs.cloud.google.com/iam/docs/roles-permissions).
 */
const ROLE_FOR: Readonly<Record<string, string>> = {
  artifactregistry: 'artifactregistry.admin',
  billing: 'billing.costsManager',
  cloudfunctionsv2: 'cloudfunctions.admin',
  cloudrunv2: 'run.admin',
  cloudscheduler: 'cloudscheduler.admin',
  compute: 'compute.networkAdmin',
  firebaserules: 'firebaserules.admin',
  firestore: 'datastore.owner',
  kms: 'cloudkms.admin',
  logging: 'logging.configWriter',
  memorystore: 'memorystore.admin',
  monitoring: 'monitoring.admin',
  networkconnectivity: 'compute.networkAdmin',
  'projects/iAMAuditConfig': 'resourcemanager.projectIamAdmin',
  'projects/iAMMember': 'resourcemanager.projectIamAdmin',
  'projects/service': 'serviceusage.serviceUsageAdmin',
  'projects/serviceIdentity': 'serviceusage.serviceUsageAdmin',
  pubsub: 'pubsub.admin',
  secretmanager: 'secretmanager.admin',
  serviceaccount: 'iam.serviceAccountAdmin',
  storage: 'storage.admin',
};

/** Needed by a deploy, but by no resource of the stack: to run as the accounts, and to publish the Hosting site. */
const OTHER_ROLES = ['firebasehosting.admin', 'iam.serviceAccountUser', 'serviceusage.apiKeysViewer'];

// GitHub's subjects have another form in repositories created since July 15, 2026
// (https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens/).
test('the runbook trusts a repository by its number and its environment, and not by the subject of its tokens', () => {
  expect(runbook).toMatch(
    /--attribute-condition="assertion\.repository_id == '\d+' && assertion\.environment == 'prod'"/,
  );
  expect(runbook).toMatch(/--member=principalSet:\S+\/attribute\.repository_id\/\d+$/m);
  expect(runbook).not.toMatch(/workloadIdentityPools\S*\/subject\//);
});

describeInfra("the runbook's list of a deployer's roles", () => {
  const bundles = makeBundles();
  afterAll(() => bundles.remove());

  /** The roles that a deployer of the production stack with `changes` needs. */
  async function neededWith(changes: Readonly<Record<string, unknown>>): Promise<Set<string>> {
    const { resources } = await recordStack(await settingsOf('prod', bundles.path, changes));
    const kinds = resources
      .map(({ type }) => type.slice(type.indexOf(':') + 1, type.lastIndexOf(':')))
      .filter((kind) => kind !== '');
    const needed = kinds.map((kind) => {
      const [module = ''] = kind.split('/');
      return ROLE_FOR[kind] ?? ROLE_FOR[module] ?? `a role for ${kind}`;
    });
    return new Set([...needed, ...OTHER_ROLES]);
  }

  /** The part of the runbook under a heading, up to the next one. */
  function sectionOf(heading: string): string {
    const [, section = ''] = runbook.split(`### ${heading}\n`);
    const [text = ''] = section.split('\n#');
    return text;
  }

  test('has every role that the production stack needs, and no other', async () => {
    const table = sectionOf('Deploy from GitHub Actions');
    const listed = [...table.matchAll(/^\| `roles\/([\w.]+)` \|/gm)].map(([, role]) => role);
    expect(new Set(listed)).toEqual(await neededWith({}));
    expect(listed).toHaveLength(new Set(listed).size);
  });

  test('names the roles that Memorystore needs too', async () => {
    const [, text = ''] = /^The deployer also needs (.*?)\.$/ms.exec(sectionOf('Memorystore')) ?? [];
    const listed = [...text.matchAll(/`roles\/([\w.]+)`/g)].map(([, role]) => role);
    const usual = await neededWith({});
    const needed = await neededWith(withRedis('prod', { kind: 'memorystore' }));
    expect(listed.toSorted()).toEqual([...needed].filter((role) => !usual.has(role)).toSorted());
  });
});
