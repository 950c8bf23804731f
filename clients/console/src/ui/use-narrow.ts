import { useEffect, useState } from 'preact/hooks';

const NARROW = '(max-width: 44rem)';

/** Whether the window is as narrow as a phone, for layout that CSS alone cannot do. */
export function useNarrow(): boolean {
  const [isNarrow, setNarrow] = useState(() => matchMedia(NARROW).matches);
  useEffect(() => {
    const query = matchMedia(NARROW);
    const read = (): void => setNarrow(query.matches);
    query.addEventListener('change', read);
    return () => query.removeEventListener('change', read);
  }, []);
  return isNarrow;
}
