// Where the user is. Kept in memory alone: no address, no title ever names a patient. A place
// holds ids and no words, so it may outlive a lock and be the place to return to.
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from 'react';
import type { Screen } from './screens.ts';

/** Tabs of a chart. */
export type ChartTab = 'summary' | 'timeline' | 'results' | 'notes' | 'who-looked';

/** A screen and what it shows. */
export type Place =
  | { readonly screen: Screen }
  | { readonly screen: 'chart'; readonly patient: string; readonly tab?: ChartTab };

/** What an open session leaves behind for its return: ids only. */
export interface Trail {
  places: readonly Place[];
}

interface Places {
  readonly place: Place;
  readonly go: (to: Place) => void;
  /** Changes the tab without a step to go back to. */
  readonly replace: (to: Place) => void;
  readonly back: () => void;
  readonly canGoBack: boolean;
}

const PlaceContext = createContext<Places | null>(null);
const LONGEST = 50;

function same(a: Place, b: Place): boolean {
  return (
    a.screen === b.screen &&
    (a.screen !== 'chart' || (b.screen === 'chart' && a.patient === b.patient && a.tab === b.tab))
  );
}

/** Keeps the place, and writes it to the trail that survives a lock. */
export function PlaceProvider({ trail, children }: { trail: Trail; children: ReactNode }) {
  const [places, setPlaces] = useState<readonly Place[]>(trail.places);
  const change = useCallback(
    (next: (was: readonly Place[]) => readonly Place[]) =>
      setPlaces((was) => {
        const now = next(was);
        trail.places = now;
        return now;
      }),
    [trail],
  );
  const value = useMemo<Places>(() => {
    const place = places[places.length - 1] ?? { screen: 'settings' };
    return {
      place,
      canGoBack: places.length > 1,
      go: (to) =>
        change((was) => {
          const last = was[was.length - 1];
          return last && same(last, to) ? was : [...was, to].slice(-LONGEST);
        }),
      replace: (to) => change((was) => [...was.slice(0, -1), to]),
      back: () => change((was) => (was.length > 1 ? was.slice(0, -1) : was)),
    };
  }, [places, change]);
  return <PlaceContext value={value}>{children}</PlaceContext>;
}

/** Where the user is and how to go elsewhere. */
export function usePlace(): Places {
  const places = useContext(PlaceContext);
  if (!places) {
    throw new Error('usePlace outside an open session');
  }
  return places;
}
