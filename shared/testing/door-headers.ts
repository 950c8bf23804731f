/**
 * The headers about the caller that a function gets at each of its doors. The parts are recorded by others, from the
 * sources named here; addresses are replaced by those of RFC 5737. `forged` is the same request by a caller who writes
 * such headers too.
 */
export interface Door {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly forged: Readonly<Record<string, string>>;
  /** The address that limits count: of the caller, or of Google's own machine where nothing more is certain. */
  readonly counted: string;
}

export const CALLER = '203.0.113.7';
/** Google's front end between Hosting and a function, and Google's machine that Scheduler or Pub/Sub calls from. */
export const FRONT_END = '198.51.100.20';
const LOAD_BALANCER = '198.51.100.40';
const FORGED = '192.0.2.66';

export const DOORS: readonly Door[] = [
  {
    // https://github.com/ardge-timwu/google-cloud-experiments/issues/46 (a dump of a run.app request), and
    // https://github.com/gamedevpl/www.gamedev.pl/pull/1146: a forged prefix survives, leftmost.
    name: 'run.app',
    headers: {
      host: 'seatlease-token-375621443269.europe-west1.run.app',
      'x-forwarded-for': CALLER,
      'x-forwarded-proto': 'https',
      forwarded: `for="${CALLER}";proto=https`,
    },
    forged: {
      host: 'seatlease-token-375621443269.europe-west1.run.app',
      'x-forwarded-for': `${FORGED},${CALLER}`,
      'x-forwarded-proto': 'https',
      forwarded: `for=${FORGED};host=evil.example,for="${CALLER}";proto=https`,
      'x-forwarded-host': 'evil.example',
      'fastly-client-ip': FORGED,
      'x-real-ip': FORGED,
    },
    counted: CALLER,
  },
  {
    // https://github.com/gamedevpl/www.gamedev.pl/pull/1146: "<caller>,<Google frontend>" through a rewrite;
    // https://github.com/pbojinov/request-ip/issues/37: the Fastly headers;
    // https://www.fastly.com/documentation/reference/http/http-headers/Fastly-Client-IP/: kept if the caller sent it;
    // https://github.com/firebase/firebase-tools/blob/master/src/hosting/proxy.ts: X-Forwarded-Host.
    name: 'Hosting',
    headers: {
      host: 'seatlease-token-375621443269.europe-west1.run.app',
      'x-forwarded-host': 'seats.example.com',
      'x-forwarded-for': `${CALLER},${FRONT_END}`,
      'x-forwarded-proto': 'https',
      forwarded: `for="${FRONT_END}";proto=https`,
      'cdn-loop': 'Fastly',
      'fastly-client-ip': CALLER,
    },
    forged: {
      host: 'seatlease-token-375621443269.europe-west1.run.app',
      'x-forwarded-host': 'seats.example.com',
      'x-forwarded-for': `${FORGED},${CALLER},${FRONT_END}`,
      'x-forwarded-proto': 'https',
      forwarded: `for=${FORGED},for="${FRONT_END}";proto=https`,
      'cdn-loop': 'Fastly',
      'fastly-client-ip': FORGED,
    },
    counted: FRONT_END,
  },
  {
    // Cloud Scheduler and Pub/Sub call run.app from Google's own network; their bodies and tokens differ, not these.
    name: 'a call of Cloud Scheduler or Pub/Sub',
    headers: {
      host: 'seatlease-sweep-375621443269.europe-west1.run.app',
      'x-forwarded-for': FRONT_END,
      'x-forwarded-proto': 'https',
      forwarded: `for="${FRONT_END}";proto=https`,
    },
    forged: {
      host: 'seatlease-sweep-375621443269.europe-west1.run.app',
      'x-forwarded-for': `${FORGED},${FRONT_END}`,
      'x-forwarded-proto': 'https',
      forwarded: `for=${FORGED},for="${FRONT_END}";proto=https`,
      'x-cloudscheduler': 'true',
    },
    counted: FRONT_END,
  },
  {
    // https://github.com/kubernetes/registry.k8s.io/pull/61 received "<caller>, <load balancer>, <caller>", unlike
    // https://cloud.google.com/load-balancing/docs/https#x-forwarded-for_header.
    name: "a vendor's own load balancer",
    headers: {
      host: 'seats.example.com',
      'x-forwarded-for': `${CALLER}, ${LOAD_BALANCER},${CALLER}`,
      'x-forwarded-proto': 'https',
    },
    forged: {
      host: 'seats.example.com',
      'x-forwarded-for': `${FORGED},${CALLER}, ${LOAD_BALANCER},${CALLER}`,
      'x-forwarded-proto': 'https',
      'fastly-client-ip': FORGED,
    },
    counted: CALLER,
  },
];
