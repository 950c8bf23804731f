import * as artifactregistry from '@pulumi/gcp/artifactregistry/index.js';
import * as projects from '@pulumi/gcp/projects/index.js';
import * as storage from '@pulumi/gcp/storage/index.js';
import { type CustomResourceOptions, interpolate, type Output, type Resource } from '@pulumi/pulumi';
import type { Account } from './accounts.ts';
import type { StackSettings } from './settings.ts';

/** The bucket, repository and account that builds use. */
export interface BuildPlace {
  readonly bucket: storage.Bucket;
  /** Resource names, in the form that a build's configuration needs. */
  readonly repository: Output<string>;
  readonly serviceAccount: Output<string>;
  /** The roles of the account: builds must wait for them. */
  readonly grants: readonly Resource[];
}

const DAY_SECONDS = 24 * 3600;

export function makeBuildPlace(
  { email, member }: Account,
  { project, region: location }: StackSettings,
  options: CustomResourceOptions,
): BuildPlace {
  const bucket = new storage.Bucket(
    'bundles',
    {
      name: `${project}-seatlease-bundles`,
      location,
      uniformBucketLevelAccess: true,
      publicAccessPrevention: 'enforced',
    },
    options,
  );
  const repository = new artifactregistry.Repository(
    'images',
    {
      repositoryId: 'seatlease',
      location,
      format: 'DOCKER',
      // Each deploy leaves an image. The last five are kept for a rollback.
      cleanupPolicies: [
        { id: 'keep-last', action: 'KEEP', mostRecentVersions: { keepCount: 5 } },
        { id: 'delete-old', action: 'DELETE', condition: { olderThan: `${30 * DAY_SECONDS}s` } },
      ],
    },
    options,
  );
  const grants = [
    new storage.BucketIAMMember(
      'build-reads-bundles',
      { bucket: bucket.name, role: 'roles/storage.objectViewer', member },
      options,
    ),
    new artifactregistry.RepositoryIamMember(
      'build-writes-images',
      { repository: repository.name, location, role: 'roles/artifactregistry.writer', member },
      options,
    ),
    // The only role on the whole project: writing log entries needs it, and IAM has nothing narrower.
    new projects.IAMMember(
      'build-writes-logs',
      { project, role: 'roles/logging.logWriter', member },
      options,
    ),
  ];
  return {
    bucket,
    repository: repository.id,
    serviceAccount: interpolate`projects/${project}/serviceAccounts/${email}`,
    grants,
  };
}
