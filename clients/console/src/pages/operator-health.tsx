import { useConsole } from '../console.ts';
import { readHealth } from '../operator/health.ts';
import { Notice } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { Loaded } from '../ui/loaded.tsx';
import { Page } from '../ui/page.tsx';
import { useLoad } from '../ui/use-load.ts';

export function OperatorHealthPage() {
  const { call } = useConsole();
  const health = useLoad((signal) => readHealth(call, signal), [call]);
  return (
    <Page
      title="Health"
      of="Operator"
      aside={
        <Button busy={health.isLoading} onClick={health.again}>
          Check again
        </Button>
      }
    >
      <Loaded
        of={health}
        render={({ isOk, checks, release }) => (
          <>
            {isOk && (
              <Notice tone="good">
                <p>All dependencies are available.</p>
              </Notice>
            )}
            <ul class="rows">
              {checks.map((check) => (
                <li key={check.name} class="card row">
                  <div>
                    <strong>{check.name}</strong>
                    {!check.isOk && <p class="second-line">{check.without}</p>}
                  </div>
                  <span class={`badge ${check.isOk ? 'good' : 'bad'}`}>{check.status}</span>
                </li>
              ))}
            </ul>
            <p class="second-line">Release {release}</p>
          </>
        )}
      />
    </Page>
  );
}
