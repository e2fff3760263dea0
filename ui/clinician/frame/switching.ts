// Whether the lock that is drawn was asked for so that somebody else can work. In the address of
// the page, because the page is loaded anew when it locks; it names nobody.
import { useSyncExternalStore } from 'react';

const MARK = '#switch';

let wanted = location.hash === MARK;
const hearers = new Set<() => void>();

/** Says that somebody else is to work now, or that nobody is waited for any more. */
export function wantSwitch(now: boolean): void {
  wanted = now;
  history.replaceState(null, '', now ? MARK : location.pathname);
  for (const heard of hearers) {
    heard();
  }
}

/** Whether somebody else is to work now. */
export function useSwitchWanted(): boolean {
  return useSyncExternalStore(
    (heard) => {
      hearers.add(heard);
      return () => hearers.delete(heard);
    },
    () => wanted,
  );
}
