import * as cloudscheduler from '@pulumi/gcp/cloudscheduler/index.js';
import * as projects from '@pulumi/gcp/projects/index.js';
import * as serviceaccount from '@pulumi/gcp/serviceaccount/index.js';
import { type CustomResourceOptions, interpolate } from '@pulumi/pulumi';
import { onDatabase } from './grants.ts';
import { COPY_ACCOUNT, COPY_JOB } from './names.ts';
import { after } from './project.ts';
import type { StackSettings } from './settings.ts';

/**
 * Exports the records to a bucket outside the project, on a schedule: Firestore's own backups share the project's fate.
 * Only the call starts here. Firestore's service agent writes to the bucket, and the bucket's owner must let it
 * (https://cloud.google.com/firestore/docs/manage-data/export-import).
 */
export function copyRecords(settings: StackSettings, options: CustomResourceOptions): void {
  const { project, region, database, backups } = settings;
  const { copy } = backups;
  if (!copy) return;
  const account = new serviceaccount.Account(
    COPY_ACCOUNT,
    { accountId: COPY_ACCOUNT, description: 'Cloud Scheduler exports the records with this account.' },
    options,
  );
  const grant = new projects.IAMMember(
    `${COPY_ACCOUNT}-datastore.importExportAdmin`,
    {
      project,
      role: 'roles/datastore.importExportAdmin',
      member: interpolate`serviceAccount:${account.email}`,
      condition: onDatabase(settings),
    },
    options,
  );
  const request = {
    // With a bucket alone, Firestore adds a folder named after the start time.
    outputUriPrefix: `gs://${copy.bucket}`,
  };
  new cloudscheduler.Job(
    COPY_JOB,
    {
      name: COPY_JOB,
      region,
      schedule: copy.schedule,
      timeZone: 'Etc/UTC',
      // A second export of the same minute would be billed like the first.
      retryConfig: { retryCount: 0 },
      httpTarget: {
        httpMethod: 'POST',
        uri: `https://firestore.googleapis.com/v1/projects/${project}/databases/${database}:exportDocuments`,
        headers: { 'Content-Type': 'application/json' },
        body: Buffer.from(JSON.stringify(request)).toString('base64'),
        // Not an OIDC token: Google's own APIs want OAuth.
        oauthToken: { serviceAccountEmail: account.email },
      },
    },
    after(options, grant),
  );
}
