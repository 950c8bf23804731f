import * as z from 'zod/mini';
import { NoAnswer } from '../answers.ts';
import type { Area, Asking, Stack } from '../check.ts';
import { failed, ok, type Verdict, warning } from '../finding.ts';
import { found, read } from '../google.ts';

const Sites = z.object({
  sites: z._default(
    z.array(z.object({ name: z.string(), type: z.optional(z.string()), defaultUrl: z.optional(z.string()) })),
    [],
  ),
});
const Records = z._default(
  z.array(
    z.object({
      records: z._default(
        z.array(
          z.object({
            domainName: z.string(),
            type: z.string(),
            rdata: z.string(),
            requiredAction: z.optional(z.string()),
          }),
        ),
        [],
      ),
    }),
  ),
  [],
);
const CustomDomain = z.object({
  hostState: z.optional(z.string()),
  ownershipState: z.optional(z.string()),
  cert: z.optional(z.object({ state: z.optional(z.string()) })),
  requiredDnsUpdates: z.optional(z.object({ desired: Records, discovered: Records })),
});
type CustomDomain = z.output<typeof CustomDomain>;

/** https://firebase.google.com/docs/hosting/custom-domain */
const CONSOLE = (project: string) => `https://console.firebase.google.com/project/${project}/hosting/sites`;

const UNKNOWN_NAME = new Set(['ENOTFOUND', 'EAI_NODATA', 'ENODATA']);
/** Node's and OpenSSL's codes of certificates that do not verify (https://nodejs.org/api/tls.html#x509-certificate-error-codes). */
const BAD_CERTIFICATE = /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|EPROTO)/;

/** The public origin: its name, its certificate, and that the suite answers there. */
export const DOMAIN: Area = {
  name: 'domain',
  checksOf(stack) {
    const { publicUrl } = stack.settings;
    return [
      { name: 'Hosting', run: async (ask) => [await askHosting(ask, stack)] },
      {
        name: 'public address',
        async run({ other }) {
          try {
            const { status, body } = await other({ url: `${publicUrl}/health` });
            return [judgeHealth(status, body, stack)];
          } catch (error) {
            if (!(error instanceof NoAnswer) || error.reason === undefined) throw error;
            return [judgeUnreachable(error.reason, error.verdict, stack)];
          }
        },
      },
    ];
  },
};

async function askHosting({ google }: Asking, stack: Stack): Promise<Verdict> {
  const { project, publicUrl } = stack.settings;
  const sites = `https://firebasehosting.googleapis.com/v1beta1/projects/${project}/sites`;
  const role = 'roles/firebasehosting.viewer';
  const site = read(Sites, await google(sites, role)).sites.find(({ type }) => type === 'DEFAULT_SITE');
  if (!site)
    return failed(
      'Firebase Hosting has no default site.',
      `Open ${CONSOLE(project)} and choose "Get started".`,
    );
  const { host } = new URL(publicUrl);
  const id = site.name.split('/').at(-1);
  if ([`${id}.web.app`, `${id}.firebaseapp.com`].includes(host))
    return ok(`${host} is an address of the default site.`);
  const answer = await google(`${sites}/${id}/customDomains/${host}`, role);
  return judgeDomain(found(CustomDomain, answer), host, stack);
}

function judgeDomain(domain: CustomDomain | undefined, host: string, { settings }: Stack): Verdict {
  const page = CONSOLE(settings.project);
  if (!domain) return failed(`${host} is not a custom domain of the Hosting site.`, `Add it at ${page}.`);
  const { hostState, ownershipState, cert } = domain;
  if (hostState === 'HOST_ACTIVE' && ownershipState === 'OWNERSHIP_ACTIVE') {
    if (cert?.state === 'CERT_ACTIVE') return ok(`${host} is a custom domain with a certificate.`);
    if (cert?.state === 'CERT_EXPIRED')
      return failed(
        `The certificate of ${host} has expired.`,
        `Look at ${page}: a CAA record can forbid it.`,
      );
    return warning(
      `The certificate of ${host} is not ready (${cert?.state ?? 'none'}).`,
      `Wait up to 24 hours, then look at ${page}.`,
    );
  }
  const states = [hostState, ownershipState].filter((state) => state && !state.endsWith('_ACTIVE'));
  return failed(`The DNS records of ${host} are not right (${states.join(', ')}).`, dnsCure(domain, page));
}

function dnsCure({ requiredDnsUpdates }: CustomDomain, page: string): string {
  const { desired = [], discovered = [] } = requiredDnsUpdates ?? {};
  const changes = [...desired, ...discovered]
    .flatMap(({ records }) => records)
    .filter(({ requiredAction }) => requiredAction === 'ADD' || requiredAction === 'REMOVE')
    .map(({ requiredAction, domainName, type, rdata }) => `${requiredAction} ${domainName} ${type} ${rdata}`);
  return changes.length > 0 ? `In DNS: ${changes.join('; ')}.` : `Set the records that ${page} shows.`;
}

function judgeHealth(
  status: number,
  body: unknown,
  { settings: { publicUrl }, isDeployed, name }: Stack,
): Verdict {
  if (z.safeParse(z.object({ status: z.literal('ok') }), body).success)
    return ok(`${publicUrl}/health answers, with a valid certificate.`);
  return isDeployed
    ? failed(
        `${publicUrl}/health does not answer as the suite does (${status}).`,
        `npm run deploy -- --stack ${name}: its last step publishes the routes.`,
      )
    : ok(`${publicUrl} resolves and has a valid certificate; nothing is deployed there yet.`);
}

function judgeUnreachable(
  reason: string,
  otherwise: Verdict,
  { settings: { publicUrl, project }, isDeployed }: Stack,
): Verdict {
  const { host } = new URL(publicUrl);
  // The addresses of Firebase exist only after the first deploy.
  const severity = isDeployed ? failed : warning;
  if (UNKNOWN_NAME.has(reason))
    return severity(`${host} does not resolve.`, `Set the DNS records that ${CONSOLE(project)} shows.`);
  if (BAD_CERTIFICATE.test(reason))
    return severity(
      `The certificate of ${host} is not valid (${reason}).`,
      `Wait until ${CONSOLE(project)} says that the domain is connected.`,
    );
  return otherwise;
}
