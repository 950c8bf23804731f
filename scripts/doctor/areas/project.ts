import * as z from 'zod/mini';
import { apisOf } from '../../../infra/apis.ts';
import { NoAnswer } from '../answers.ts';
import type { Area, Stack } from '../check.ts';
import { failed, ok, type Verdict, warning } from '../finding.ts';
import { found, read } from '../google.ts';

const Project = z.object({ name: z.string(), state: z.string() });
const BillingInfo = z.object({ billingEnabled: z.optional(z.boolean()) });
const FirebaseProject = z.object({ state: z.optional(z.string()) });
const Services = z.object({ services: z.array(z.object({ name: z.string(), state: z.string() })) });
const Location = z.object({
  locationId: z.string(),
  metadata: z.optional(z.object({ hsmAvailable: z.optional(z.boolean()) })),
});
const Locations = z.object({ locations: z.array(Location) });
const Database = z.object({ type: z.string(), locationId: z.string() });

/** The stack cannot enable these itself: its deploy calls them to enable the others. */
const NEEDED_FIRST = ['cloudresourcemanager.googleapis.com', 'serviceusage.googleapis.com'];

function neededBy({ settings }: Stack): string[] {
  return [...new Set([...apisOf(settings).map((api) => `${api}.googleapis.com`), ...NEEDED_FIRST])];
}

/** The project, and what its settings can never change after the first deploy. */
export const PROJECT: Area = {
  name: 'project',
  checksOf(stack) {
    const { project, projectNumber, region, database, signingKey } = stack.settings;
    return [
      {
        name: 'project',
        async run({ google }) {
          const answer = await google(
            `https://cloudresourcemanager.googleapis.com/v3/projects/${project}`,
            'roles/browser',
          );
          return [judgeProject(found(Project, answer), stack)];
        },
      },
      {
        name: 'billing',
        async run({ google }) {
          const answer = await google(
            `https://cloudbilling.googleapis.com/v1/projects/${project}/billingInfo`,
            'roles/browser',
          );
          return [judgeBilling(read(BillingInfo, answer), stack)];
        },
      },
      {
        name: 'Firebase',
        async run({ google }) {
          const url = `https://firebase.googleapis.com/v1beta1/projects/${project}`;
          try {
            return [judgeFirebase(found(FirebaseProject, await google(url, 'roles/firebase.viewer')), stack)];
          } catch (error) {
            // Adding Firebase enables its API.
            if (error instanceof NoAnswer && error.reason === 'SERVICE_DISABLED')
              return [judgeFirebase(undefined, stack)];
            throw error;
          }
        },
      },
      {
        name: 'APIs',
        async run({ google }) {
          const names = neededBy(stack).map((api) => `names=projects/${projectNumber}/services/${api}`);
          const answer = await google(
            `https://serviceusage.googleapis.com/v1/projects/${projectNumber}/services:batchGet?${names.join('&')}`,
            'roles/serviceusage.serviceUsageViewer',
          );
          return judgeApis(read(Services, answer), stack);
        },
      },
      {
        name: 'region',
        async run({ google }) {
          const answer = await google(
            `https://cloudfunctions.googleapis.com/v2/projects/${project}/locations`,
            'roles/cloudfunctions.viewer',
          );
          return [judgeRegion(read(Locations, answer), stack)];
        },
      },
      {
        name: 'location of the signing key',
        async run({ google }) {
          const answer = await google(
            `https://cloudkms.googleapis.com/v1/projects/${project}/locations/${region}`,
            'roles/cloudkms.viewer',
          );
          return [judgeKeyLocation(found(Location, answer), signingKey.protectionLevel, region)];
        },
      },
      {
        name: 'database',
        async run({ google }) {
          const answer = await google(
            `https://firestore.googleapis.com/v1/projects/${project}/databases/${database}`,
            'roles/datastore.viewer',
          );
          return [judgeDatabase(found(Database, answer), stack)];
        },
      },
    ];
  },
};

function judgeProject(answer: z.output<typeof Project> | undefined, { settings, name }: Stack): Verdict {
  const { project, projectNumber } = settings;
  const file = `infra/Pulumi.${name}.yaml`;
  if (!answer)
    return failed(
      `The project ${project} does not exist.`,
      `gcloud projects create ${project}, or correct gcp:project in ${file}`,
    );
  if (answer.state !== 'ACTIVE')
    return failed(
      `The project ${project} is to be deleted (${answer.state}).`,
      `gcloud projects undelete ${project}`,
    );
  const number = answer.name.replace('projects/', '');
  return number === projectNumber
    ? ok(`The project ${project} exists and has the number ${number}.`)
    : failed(
        `The project ${project} has the number ${number}, and the settings say ${projectNumber}.`,
        `Set projectNumber: '${number}' in ${file}.`,
      );
}

function judgeBilling({ billingEnabled }: z.output<typeof BillingInfo>, { settings }: Stack): Verdict {
  return billingEnabled
    ? ok('The project has a billing account.')
    : failed(
        'The project has no open billing account: functions, KMS and Cloud Build need one.',
        `gcloud billing projects link ${settings.project} --billing-account=YOUR-BILLING-ACCOUNT`,
      );
}

function judgeFirebase(
  answer: z.output<typeof FirebaseProject> | undefined,
  { settings: { project } }: Stack,
): Verdict {
  if (answer?.state === 'ACTIVE') return ok('Firebase is added to the project.');
  return failed(
    'Firebase is not added to the project: the public address is a site of Firebase Hosting.',
    `Add it at https://console.firebase.google.com, or: npx firebase-tools projects:addfirebase ${project}`,
  );
}

function judgeApis({ services }: z.output<typeof Services>, stack: Stack): Verdict[] {
  const { isDeployed } = stack;
  const { project } = stack.settings;
  const needed = neededBy(stack);
  const enabled = services
    .filter(({ state }) => state === 'ENABLED')
    .map(({ name }) => name.split('/').at(-1));
  const missing = needed.filter((api) => !enabled.includes(api));
  if (missing.length === 0) return [ok(`All ${needed.length} APIs are enabled.`)];
  const mustBeNow = isDeployed ? missing : missing.filter((api) => NEEDED_FIRST.includes(api));
  if (mustBeNow.length > 0)
    return [
      failed(
        `These APIs are not enabled: ${mustBeNow.join(', ')}.`,
        `gcloud services enable ${mustBeNow.join(' ')} --project=${project}`,
      ),
    ];
  return [ok(`${enabled.length} of ${needed.length} APIs are enabled; the deploy enables the others.`)];
}

function judgeRegion({ locations }: z.output<typeof Locations>, { settings, name }: Stack): Verdict {
  return locations.some(({ locationId }) => locationId === settings.region)
    ? ok(`Functions can run in ${settings.region}.`)
    : failed(
        `Functions cannot run in ${settings.region}.`,
        `Set gcp:region in infra/Pulumi.${name}.yaml to one of: gcloud functions regions list --project=${settings.project}`,
      );
}

function judgeKeyLocation(
  answer: z.output<typeof Location> | undefined,
  protectionLevel: string,
  region: string,
): Verdict {
  if (answer && (protectionLevel !== 'HSM' || answer.metadata?.hsmAvailable === true))
    return ok(`Cloud KMS has ${protectionLevel} keys in ${region}.`);
  return failed(
    `Cloud KMS has no ${protectionLevel} keys in ${region}.`,
    'Choose another region or signingKey.protectionLevel: neither can be changed after the first deploy.',
  );
}

function judgeDatabase(
  database: z.output<typeof Database> | undefined,
  { settings: { database: name, firestoreLocation, project }, isDeployed }: Stack,
): Verdict {
  if (!database)
    return isDeployed
      ? failed(`The database ${name} does not exist.`, 'Deploy again, or restore a backup (see the runbook).')
      : ok(`The deploy creates the database ${name} in ${firestoreLocation}.`);
  const { type, locationId } = database;
  if (type === 'FIRESTORE_NATIVE' && locationId === firestoreLocation)
    return isDeployed
      ? ok(`The database ${name} is in ${locationId}.`)
      : warning(
          `The database ${name} exists already, and the deploy fails when it creates one.`,
          `If it is empty, delete it: gcloud firestore databases delete --database='${name}' --project=${project}`,
        );
  return failed(
    `The database ${name} is ${type} in ${locationId}, and the settings say FIRESTORE_NATIVE in ${firestoreLocation}.`,
    `Set firestoreLocation: ${locationId}, or use another project: a database cannot be moved.`,
  );
}
