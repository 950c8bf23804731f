import type { Problem } from '../problem.ts';
import { Alert } from './alert.tsx';
import { Button } from './button.tsx';

/** Shown while the viewer is loading. Its text appears only after 0.4 s, as loading is usually faster. */
export function StartingScreen() {
  return (
    <main class="screen" aria-busy="true">
      <p class="appears-late quiet">Loading…</p>
    </main>
  );
}

interface FailedProps {
  readonly problem: Problem;
  onRetry(): void;
  onSignOut(): void;
}

/** Shown if the viewer cannot be loaded. */
export function FailedScreen({ problem, onRetry, onSignOut }: FailedProps) {
  return (
    <main class="screen">
      <h1>The console could not start</h1>
      <Alert problem={problem} />
      <div class="buttons">
        <Button kind="primary" onClick={onRetry}>
          Try again
        </Button>
        <Button onClick={onSignOut}>Sign out</Button>
      </div>
    </main>
  );
}
