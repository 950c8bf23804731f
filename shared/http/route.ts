import type { EndpointContract, FunctionContract } from './contract.ts';

export type RouteMatch =
  | {
      readonly found: 'endpoint';
      readonly name: string;
      readonly endpoint: EndpointContract;
      readonly params: Record<string, string>;
    }
  | { readonly found: 'path'; readonly allow: readonly string[] }
  | { readonly found: 'nothing' };

/**
 * The endpoint of `contract` that serves `method` and `path`. A function with one path also serves it at `/`, for
 * callers of the function's own URL. HEAD is served like GET, without the body (RFC 9110 section 9.3.2).
 */
export function matchRoute(contract: FunctionContract, method: string, path: string): RouteMatch {
  const served = Object.entries(contract.endpoints).flatMap(([name, endpoint]) => {
    const params = matchPath(endpoint.path, path);
    return params ? [{ name, endpoint, params }] : [];
  });
  const candidates = served.length > 0 || path !== '/' ? served : atRoot(contract);
  const wanted = method === 'HEAD' ? 'GET' : method;
  const hit = candidates.find(({ endpoint }) => endpoint.method === wanted);
  if (hit) return { found: 'endpoint', ...hit };
  if (candidates.length === 0) return { found: 'nothing' };
  return { found: 'path', allow: candidates.map(({ endpoint }) => endpoint.method) };
}

/**
 * Public paths of a suite, each with its function. Of two paths that match the same URL, the more literal one is first.
 */
export function publicRoutes(
  manifest: readonly FunctionContract[],
): { path: string; functionName: string }[] {
  const routes = manifest.flatMap(({ name, endpoints }) =>
    [...new Set(Object.values(endpoints).map(({ path }) => path))].map((path) => ({
      path,
      functionName: name,
    })),
  );
  return routes.sort((a, b) => literalFirst(a.path, b.path));
}

/** Sorts path templates: fewer `{names}` come first. */
export function literalFirst(a: string, b: string): number {
  const namesIn = (path: string): number => path.split('{').length - 1;
  return namesIn(a) - namesIn(b);
}

/** The values of the template's `{names}` if `path` matches it. A literal segment matches only itself. */
export function matchPath(template: string, path: string): Record<string, string> | undefined {
  const expected = template.split('/');
  const actual = path.split('/');
  if (expected.length !== actual.length) return undefined;
  const params: Record<string, string> = {};
  for (const [i, segment] of expected.entries()) {
    const value = actual[i] ?? '';
    const name = /^\{(\w+)\}$/.exec(segment)?.[1];
    if (name === undefined) {
      if (segment !== value) return undefined;
    } else {
      const decoded = decodeSegment(value);
      if (!decoded) return undefined;
      params[name] = decoded;
    }
  }
  return params;
}

function atRoot(contract: FunctionContract) {
  const endpoints = Object.entries(contract.endpoints);
  const onePath = new Set(endpoints.map(([, { path }]) => path)).size === 1;
  return onePath ? endpoints.map(([name, endpoint]) => ({ name, endpoint, params: {} })) : [];
}

function decodeSegment(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
