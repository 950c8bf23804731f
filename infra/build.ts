import * as artifactregistry from '@pulumi/gcp/artifactregistry/index.js';
import * as projects from '@pulumi/gcp/projects/index.js';
import * as storage from '@pulumi/gcp/storage/index.js';
import { type CustomResourceOptions, interpolate, type Output, type Resource } from '@pulumi/pulumi';
import type { Account } from './accounts.ts';
import type { IamDelay } from './iam-delay.ts';
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
  settings: StackSettings,
  iam: IamDelay,
  options: CustomResourceOptions,
): BuildPlace {
  const { project, region: location } = settings;
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
  const granting = iam.granting(options);
  // https://cloud.google.com/functions/docs/building#secure_your_build_with_a_custom_service_account lists them. The
  // bundles need none: Cloud Functions copies them with its own account, which can read every bucket of the project.
  const grants = [
    new projects.IAMMember(
      'build-reads-sources',
      { project, role: 'roles/storage.objectViewer', member, condition: onSources(settings) },
      granting,
    ),
    new artifactregistry.RepositoryIamMember(
      'build-writes-images',
      { repository: repository.name, location, role: 'roles/artifactregistry.writer', member },
      granting,
    ),
    // The only role on the whole project: writing log entries needs it, and IAM has nothing narrower.
    new projects.IAMMember(
      'build-writes-logs',
      { project, role: 'roles/logging.logWriter', member },
      granting,
    ),
  ];
  return {
    bucket,
    repository: repository.id,
    serviceAccount: interpolate`projects/${project}/serviceAccounts/${email}`,
    grants,
  };
}

/**
 * Cloud Functions copies each bundle to a bucket of its own, and builds from there. The bucket appears with the first
 * deploy, so no role can be granted on it before (https://github.com/hashicorp/terraform-provider-google/issues/20571).
 * Its whole name is compared: europe-west1 is also the start of europe-west10.
 */
function onSources({ projectNumber, region }: StackSettings) {
  const bucket = `projects/_/buckets/gcf-v2-sources-${projectNumber}-${region}`;
  return {
    title: 'function-sources',
    expression: `resource.name == "${bucket}" || resource.name.startsWith("${bucket}/objects/")`,
  };
}
