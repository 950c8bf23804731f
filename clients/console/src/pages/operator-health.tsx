import { useConsole } from '../console.ts';
import { PART_TEXTS, type PartName, readHealth } from '../operator/health.ts';
import { Notice } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { Loaded } from '../ui/loaded.tsx';
import { Page } from '../ui/page.tsx';
import { useLoad } from '../ui/use-load.ts';

const PARTS: readonly PartName[] = ['seats', 'records', 'events', 'signing'];

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
        render={(report) => (
          <>
            {PARTS.every((part) => report[part] === 'ok') && (
              <Notice tone="good">
                <p>All dependencies are available.</p>
              </Notice>
            )}
            <ul class="rows">
              {PARTS.map((part) => (
                <li key={part} class="card row">
                  <div>
                    <strong>{PART_TEXTS[part].name}</strong>
                    {report[part] !== 'ok' && <p class="second-line">{PART_TEXTS[part].without}</p>}
                  </div>
                  <span class={`badge ${report[part] === 'ok' ? 'good' : 'bad'}`}>
                    {report[part] === 'ok' ? 'Available' : 'Unavailable'}
                  </span>
                </li>
              ))}
            </ul>
          </>
        )}
      />
    </Page>
  );
}
