import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { isInternal } from '../http/callers.ts';
import type { FunctionContract } from '../http/contract.ts';
import { problemAnswer } from '../http/problem.ts';
import { matchPath, publicRoutes } from '../http/route.ts';
import { type HttpFunction, send } from '../http/serve.ts';
import { guardServer, limitTime } from '../http/server-guard.ts';
import { requestIdOf } from '../http/trace.ts';
import { getTestServer, registerFunction } from './framework.ts';
import type { Door, GoogleEdge, Passage } from './google-edge/edge.ts';

type Functions = Readonly<Record<string, HttpFunction>>;

/**
 * Serves a whole suite from one server, without Google in front. Each function runs inside the real
 * functions-framework. The server does not listen yet.
 */
export function mountSuite(manifest: readonly FunctionContract[], functions: Functions): Server {
  return serverOf(routesOf(manifest, functions), ({ serve }) => serve());
}

/**
 * The doors of a suite behind Google's edge, each a server that does not listen yet; `unguarded` has no edge. `others`
 * gets requests to Hosting for paths that no function has; internal functions have none there, as in `firebase.json`.
 * `within` can refuse requests before they reach any door.
 */
export function mountBehindGoogle(
  manifest: readonly FunctionContract[],
  functions: Functions,
  edge: GoogleEdge,
  others: RequestListener = answerNotFound,
  within: (serve: RequestListener) => RequestListener = (serve) => serve,
): Readonly<Record<Door | 'unguarded', Server>> {
  const routes = routesOf(manifest, functions);
  const open = (door: Door, from: Route[], elsewhere?: RequestListener): Server =>
    serverOf(from, (call) => edge.pass({ door, ...call }), elsewhere, within);
  return {
    hosting: open(
      'hosting',
      routes.filter(({ contract }) => !isInternal(contract)),
      others,
    ),
    'run.app': open('run.app', routes),
    internal: open('internal', routes),
    unguarded: serverOf(routes, ({ serve }) => serve()),
  };
}

interface Route {
  readonly path: string;
  readonly contract: FunctionContract;
  readonly framework: Server;
}

function routesOf(manifest: readonly FunctionContract[], functions: Functions): Route[] {
  const frameworks = new Map(
    Object.entries(functions).map(([name, handle]) => {
      registerFunction(name, handle);
      const framework = getTestServer(name);
      guardServer(framework);
      return [name, framework];
    }),
  );
  return publicRoutes(manifest).flatMap(({ path, functionName }) => {
    const contract = manifest.find(({ name }) => name === functionName);
    const framework = frameworks.get(functionName);
    return contract && framework ? [{ path, contract, framework }] : [];
  });
}

type Call = Omit<Passage, 'door'>;

function serverOf(
  routes: readonly Route[],
  pass: (call: Call) => void,
  others: RequestListener = answerNotFound,
  within: (serve: RequestListener) => RequestListener = (serve) => serve,
): Server {
  const serve: RequestListener = (request, response) => {
    const [path = '/'] = (request.url ?? '/').split('?');
    const route = routes.find((candidate) => matchPath(candidate.path, path));
    if (!route) {
      others(request, response);
      return;
    }
    const { contract, framework } = route;
    pass({ contract, request, response, serve: () => framework.emit('request', request, response) });
  };
  const server = createServer(within(serve));
  // Longer than clients and proxies keep idle connections, so that none sends a request while the server closes one.
  server.keepAliveTimeout = 75_000;
  limitTime(server);
  return server;
}

export function answerNotFound(request: IncomingMessage, response: ServerResponse): void {
  const requestId = requestIdOf(request.headers);
  send(request, response, requestId, problemAnswer(requestId, { problem: 'NOT_FOUND' }));
}
