// Light, dark or as the desktop. The choice is kept by the program with the settings; the
// window remembers it for the time before somebody has unlocked. It is the only thing that the
// window stores, and it says nothing about anybody.
import type { MantineColorSchemeManager } from '@mantine/core';
import { useSyncExternalStore } from 'react';
import type { Theme } from '../../shared/bindings.ts';

const NAME = 'rounds-look';
const hearers = new Set<() => void>();

function remembered(): Theme {
  try {
    const kept = localStorage.getItem(NAME);
    return kept === 'light' || kept === 'dark' ? kept : 'system';
  } catch {
    return 'system';
  }
}

let theme: Theme = remembered();

/** Puts a look on the window. */
export function wear(next: Theme): void {
  theme = next;
  try {
    localStorage.setItem(NAME, next);
  } catch {
    // A window without storage asks the program again after the next unlock.
  }
  for (const hear of hearers) {
    hear();
  }
}

// Mantine would keep its own copy of the scheme; ours is the only one.
const remember: MantineColorSchemeManager = {
  get: (fallback) => fallback,
  set: () => {},
  subscribe: () => {},
  unsubscribe: () => {},
  clear: () => {},
};

/** The look in use. */
export function useLook(): { theme: Theme; remember: MantineColorSchemeManager } {
  const current = useSyncExternalStore(
    (hear) => {
      hearers.add(hear);
      return () => hearers.delete(hear);
    },
    () => theme,
  );
  return { theme: current, remember };
}
