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
  /** What went wrong before the page was rendered. */
  readonly trouble: string | undefined;
}

/** Loads who the viewer is, then shows the console or the sign-in page. */
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
    // The tab is signed out even if the call fails: the token on the server then expires by itself.
    credentials.signOut().catch(() => undefined);
  }, [credentials]);

  useEffect(() => {
    if (identity === 'signed-out') setViewer(undefined);
    else void reloadViewer();
  }, [identity, reloadViewer]);

  const console = useMemo(
    () => (viewer ? { call, viewer, reloadViewer, signOut } : undefined),
    [call, viewer, reloadViewer, signOut],
  );

  if (identity === 'signed-out') {
    const why = hasEnded ? 'Your session has expired. Sign in again to continue.' : trouble;
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
    case 'signed-out':
      return undefined;
    case 'operator-key':
      return { user: undefined, isOperator: true, offers: 0 };
    case 'user': {
      const [user, { invitations, transfers }] = await Promise.all([
        call('usersMe', {}),
        call('tenantsOffers', {}),
      ]);
      return { user, isOperator: user.is_operator, offers: invitations.length + transfers.length };
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
    case 'not-found':
      return (
        <Shell>
          <NotFoundPage />
        </Shell>
      );
  }
}
