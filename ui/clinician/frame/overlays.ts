// The two things that open over everything: the one search and the page of keys.
import { useSyncExternalStore } from 'react';

/** What is open over the frame. */
export type Overlay = 'find' | 'keys' | null;

let shown: Overlay = null;
const hearers = new Set<() => void>();

/** Opens one, or closes what is open. */
export function showOverlay(next: Overlay): void {
  shown = next;
  for (const hear of hearers) {
    hear();
  }
}

/** What is open now. */
export function overlay(): Overlay {
  return shown;
}

/** What is open, drawn again when it changes. */
export function useOverlay(): Overlay {
  return useSyncExternalStore((hear) => {
    hearers.add(hear);
    return () => hearers.delete(hear);
  }, overlay);
}
