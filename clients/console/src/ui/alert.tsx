import type { ComponentChildren } from 'preact';
import type { Problem } from '../problem.ts';

/** Shows a problem. Screen readers read it at once. */
export function Alert({ problem }: { readonly problem: Problem }) {
  return (
    <div class="notice bad" role="alert">
      <p>{problem.message}</p>
      {problem.requestId !== undefined && (
        <p class="quiet small">
          If the problem persists, contact support with the request ID <code>{problem.requestId}</code>.
        </p>
      )}
    </div>
  );
}

interface NoticeProps {
  readonly tone?: 'good' | 'warn' | 'bad' | 'plain';
  readonly children: ComponentChildren;
}

export function Notice({ tone = 'plain', children }: NoticeProps) {
  return <div class={`notice ${tone}`}>{children}</div>;
}
