import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Call } from './api-call.ts';
import type { Viewer } from './viewer.ts';

/** The context that every page uses. */
export interface Console {
  readonly call: Call;
  readonly viewer: Viewer;
  /** Loads the viewer and their tenants again, after they have joined, left or renamed a tenant. */
  reloadViewer(): Promise<void>;
  signOut(): void;
}

const Context = createContext<Console | undefined>(undefined);
export const ConsoleProvider = Context.Provider;

export function useConsole(): Console {
  const console = useContext(Context);
  if (!console) throw new Error('useConsole was called outside of ConsoleProvider');
  return console;
}
