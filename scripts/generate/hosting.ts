import { deployedName } from '../../functions/names.ts';
import { isInternal } from '../../shared/http/callers.ts';
import type { FunctionContract } from '../../shared/http/contract.ts';
import { publicRoutes } from '../../shared/http/route.ts';

export const DEFAULT_REGION = 'europe-west1';

/** After that, Hosting returns 504 (https://firebase.google.com/docs/hosting/cloud-run, "request timeout"). */
export const LONGEST_PROXIED_SECONDS = 60;

/** `npm run site` writes static files here. Hosting serves them before it looks at routes. */
export const SITE_FOLDER = 'dist/site';

/** One policy for the whole origin: nothing from other origins, nothing inline, no framing. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const SECURITY_HEADERS = {
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  // Two years; not for subdomains, which may belong to another system.
  'Strict-Transport-Security': 'max-age=63072000',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'Cross-Origin-Opener-Policy': 'same-origin',
};

/** Paths within the console. All serve its one page, except for assets, which are files or 404. */
const CONSOLE_PAGES = ['/console', '/console/*', '/console/!(assets)/**'];

const ASSETS = ['assets/', 'console/assets/'];

/** The `Cache-Control` of the file at that path. The names of assets change with their content. */
export function cacheControlOf(path: string): string {
  return ASSETS.some((folder) => path.startsWith(folder))
    ? 'public, max-age=31536000, immutable'
    : 'no-cache';
}

export interface HostingConfig {
  readonly public: string;
  readonly cleanUrls: true;
  readonly trailingSlash: false;
  readonly ignore: readonly string[];
  readonly headers: readonly { source: string; headers: readonly { key: string; value: string }[] }[];
  /** The first match wins. */
  readonly rewrites: readonly (
    | { source: string; run: { serviceId: string; region: string } }
    | { source: string; destination: string }
  )[];
}

/** Routes every public path of `manifest` from one origin. Internal endpoints have no route. */
export function hostingConfig(
  manifest: readonly FunctionContract[],
  { region }: { readonly region: string },
): HostingConfig {
  const routes = publicRoutes(manifest.filter((contract) => !isInternal(contract)));
  return {
    public: SITE_FOLDER,
    cleanUrls: true,
    trailingSlash: false,
    ignore: ['**/.*'],
    headers: [
      headersFor('**', SECURITY_HEADERS),
      ...['/', '/docs', '/openapi.json', ...CONSOLE_PAGES].map((source) =>
        headersFor(source, { 'Cache-Control': cacheControlOf(source) }),
      ),
      ...ASSETS.map((folder) => headersFor(`/${folder}**`, { 'Cache-Control': cacheControlOf(folder) })),
    ],
    rewrites: [
      ...routes.map(({ path, functionName }) => ({
        source: path.replace(/\{\w+\}/g, '*'),
        run: { serviceId: deployedName(functionName), region },
      })),
      ...CONSOLE_PAGES.map((source) => ({ source, destination: '/console/index.html' })),
    ],
  };
}

function headersFor(source: string, headers: Readonly<Record<string, string>>) {
  return { source, headers: Object.entries(headers).map(([key, value]) => ({ key, value })) };
}

/** `firebase.json`: Hosting, and the paths of Firestore's rules and indexes. */
export function firebaseConfig(manifest: readonly FunctionContract[], where: { readonly region: string }) {
  return {
    $schema: 'https://raw.githubusercontent.com/firebase/firebase-tools/master/schema/firebase-config.json',
    hosting: hostingConfig(manifest, where),
    firestore: { rules: 'infra/firestore.rules', indexes: 'infra/firestore.indexes.json' },
  };
}
