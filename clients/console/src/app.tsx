import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import type { Call } from './api-call.ts';
import { ConsoleProvider } from './console.ts';
import type { OwnCredentials } from './credentials.ts';
import { WelcomePage } from './pages/home.tsx';
import { NotFoundPage } from './pages/not-found.tsx';
import { SignInPage } from './pages/sign-in.tsx';
import { destinationOf, homeOf } from './pages.ts';
import { Problem } from './problem.ts';
import { BASE, navigate, useAddress } from './router.ts';
import { FailedScreen, StartingScreen } from './ui/screens.tsx';
import { Shell } from './ui/shell.tsx';
import { TenantFrame } from './ui/tenant-frame.tsx';
import type { Viewer } from './viewer.ts';

interface AppProps {
  readonly call: Call;
  readonly credentials: OwnCredentials;
  /** What went wrong before the page came up. */
  readonly trouble: string | undefined;
}

/** Asks who the viewer is, and shows them the console, or how to sign in. */
export function App({ call, credentials, trouble }: AppProps) {
  const [viewer, setViewer] = useState<Viewer>();
  const [problem, setProblem] = useState<Problem>();
  const [identity, setIdentity] = useState(credentials.identity());
  const [hasEnded, setEnded] = useState(false);
  useEffect(
    () =>
      credentials.onChange((why) => {
        setIdentity(credentials.identity());
        setEnded(why === 'ended');
      }),
    [credentials],
  );

  const reloadViewer = useCallback(async () => {
    setProblem(undefined);
    try {
      setViewer(await readViewer(call, credentials));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    }
  }, [call, credentials]);

  const signOut = useCallback(() => {
    setViewer(undefined);
    navigate(`${BASE}/`, 'replace');
    // Here the person is signed out whatever the server says; there, the token runs out by itself.
    credentials.signOut().catch(() => undefined);
  }, [credentials]);

  useEffect(() => {
    if (identity === 'nobody') setViewer(undefined);
    else void reloadViewer();
  }, [identity, reloadViewer]);

  const console = useMemo(
    () => (viewer ? { call, viewer, reloadViewer, signOut } : undefined),
    [call, viewer, reloadViewer, signOut],
  );

  if (identity === 'nobody') {
    const why = hasEnded ? 'Your sign-in has ended. Sign in again to go on.' : trouble;
    return <SignInPage credentials={credentials} trouble={why} />;
  }
  if (problem) return <FailedScreen problem={problem} onRetry={reloadViewer} onSignOut={signOut} />;
  if (!console) return <StartingScreen />;
  return (
    <ConsoleProvider value={console}>
      <Pages viewer={console.viewer} />
    </ConsoleProvider>
  );
}

async function readViewer(call: Call, credentials: OwnCredentials): Promise<Viewer | undefined> {
  switch (credentials.identity()) {
    case 'nobody':
      return undefined;
    case 'operator-key':
      return { person: undefined, isOperator: true };
    case 'person': {
      const person = await call('usersMe', {});
      return { person, isOperator: person.is_operator };
    }
  }
}

function Pages({ viewer }: { readonly viewer: Viewer }) {
  const { pathname } = useAddress();
  const destination = destinationOf(pathname, viewer);
  const home = homeOf(viewer);
  useEffect(() => {
    if (destination.kind === 'home' && home !== undefined) navigate(home, 'replace');
  }, [destination.kind, home]);

  switch (destination.kind) {
    case 'home':
      return home === undefined ? (
        <Shell>
          <WelcomePage />
        </Shell>
      ) : (
        <StartingScreen />
      );
    case 'tenant':
      return (
        <TenantFrame key={destination.tenantId} tenantId={destination.tenantId} slug={destination.slug} />
      );
    case 'page': {
      const { page: Page } = destination;
      return (
        <Shell>
          <Page key={pathname} />
        </Shell>
      );
    }
    case 'nothing':
      return (
        <Shell>
          <NotFoundPage />
        </Shell>
      );
  }
}
