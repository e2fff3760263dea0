// Whether the lock that is drawn was asked for so that somebody else can work. In memory alone:
// it names nobody.
import { useSyncExternalStore } from 'react';

let wanted = false;
const hearers = new Set<() => void>();

/** Says that somebody else is to work now, or that nobody is waited for any more. */
export function wantSwitch(now: boolean): void {
  wanted = now;
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
