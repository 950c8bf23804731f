import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Call } from './api-call.ts';
import type { Viewer } from './viewer.ts';

/** What every page works with. */
export interface Console {
  readonly call: Call;
  readonly viewer: Viewer;
  /** Reads anew who the viewer is and what they belong to: after they have joined, left or renamed something. */
  reloadViewer(): Promise<void>;
  signOut(): void;
}

const Context = createContext<Console | undefined>(undefined);
export const ConsoleProvider = Context.Provider;

export function useConsole(): Console {
  const console = useContext(Context);
  if (!console) throw new Error('a page outside of the console');
  return console;
}
