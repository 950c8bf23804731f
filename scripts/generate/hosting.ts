import { deployedName } from '../../functions/names.ts';
import { isInternal } from '../../shared/http/callers.ts';
import type { FunctionContract } from '../../shared/http/contract.ts';
import { publicRoutes } from '../../shared/http/route.ts';

export const DEFAULT_REGION = 'europe-west1';

/** Hosting answers 504 by itself after that (https://firebase.google.com/docs/hosting/cloud-run, "request timeout"). */
export const LONGEST_PROXIED_SECONDS = 60;

/** Where `npm run site` puts static files, and what Hosting serves before anything else. */
export const SITE_FOLDER = 'dist/site';

/** One policy for everything of this origin: nothing from elsewhere, nothing inline, in nobody's frame. */
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
  // Two years; not for subdomains, which may be somebody else's business.
  'Strict-Transport-Security': 'max-age=63072000',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'Cross-Origin-Opener-Policy': 'same-origin',
};

/** Addresses within the console, all of which are its one page; its assets are files, or not there. */
const CONSOLE_PAGES = ['/console', '/console/*', '/console/!(assets)/**'];

const ASSETS = ['assets/', 'console/assets/'];

/** For the file at that path from the site's root. The names of assets change with what is in them. */
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
  /** The first that fits counts. */
  readonly rewrites: readonly (
    | { source: string; run: { serviceId: string; region: string } }
    | { source: string; destination: string }
  )[];
}

/** Puts every public path of `manifest` behind one origin. What only the cloud calls has no way in from there. */
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

/** `firebase.json`: Hosting, and where the rules and indexes of Firestore are. */
export function firebaseConfig(manifest: readonly FunctionContract[], where: { readonly region: string }) {
  return {
    $schema: 'https://raw.githubusercontent.com/firebase/firebase-tools/master/schema/firebase-config.json',
    hosting: hostingConfig(manifest, where),
    firestore: { rules: 'infra/firestore.rules', indexes: 'infra/firestore.indexes.json' },
  };
}
