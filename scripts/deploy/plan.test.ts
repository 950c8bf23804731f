import { describe, expect, test } from 'vitest';
import { placeOf, planOf } from './plan.ts';

const DEPLOY = {
  stack: 'prod',
  secretsOnly: false,
  publicFunctions: ['seatlease-acquire', 'seatlease-users'],
};

function stackWith(settings: object) {
  return placeOf({
    config: { 'gcp:project': 'p', 'gcp:region': 'europe-west1', 'seatlease:settings': settings },
  });
}

/** The commands that change the cloud. */
function changesOf(options: typeof DEPLOY, settings: object): string[] {
  return planOf(options, stackWith(settings)).after.map(({ command }) => command.join(' '));
}

describe('a deploy where allUsers is refused', () => {
  const settings = { publicAccess: 'invoker-check-off' };

  test('switches the invoker check of each public function off, after the cloud and before the public address', () => {
    const [cloud, acquire, users, address, ...others] = changesOf(DEPLOY, settings);
    expect(cloud).toMatch(/^pulumi up /);
    const off = (service: string): string =>
      `gcloud run services update ${service} --no-invoker-iam-check --region=europe-west1 --project=p --quiet`;
    expect([acquire, users]).toEqual([off('seatlease-acquire'), off('seatlease-users')]);
    expect(address).toContain('--only=hosting');
    expect(others).toEqual([]);
  });

  test('needs no function to create the secrets', () => {
    expect(changesOf({ ...DEPLOY, secretsOnly: true }, settings)).toEqual([
      expect.stringMatching(/^pulumi up .*secretmanager/),
    ]);
  });
});

// With credentials of a user, Firebase's APIs refuse calls that name no project to charge.
test('a deploy charges the calls that publish the site to the project', () => {
  const { after } = planOf(DEPLOY, stackWith({}));
  expect(after.map(({ environment }) => environment)).toEqual([
    undefined,
    { GOOGLE_CLOUD_QUOTA_PROJECT: 'p' },
  ]);
});

test('a deploy leaves the invoker check on by default', () => {
  expect(changesOf(DEPLOY, {}).filter((command) => command.startsWith('gcloud'))).toEqual([]);
});

test('a deploy lists the order of resources before it asks', () => {
  const { before } = planOf(DEPLOY, stackWith({}));
  expect(before.map(({ command }) => command.join(' '))).toContain('node infra/order.ts --stack=prod');
});
