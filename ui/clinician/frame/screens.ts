// Which screens somebody has. Those who treat or book have the day; those who watch have the
// audit instead; what a role may not open is not in the rail.
import type { Ability, UserView } from '../../shared/bindings.ts';

const ORDER = [
  'today',
  'patients',
  'schedule',
  'visits',
  'inbox',
  'audit',
  'reviews',
  'activity',
  'settings',
] as const;

/** A screen of the rail. */
export type Screen = (typeof ORDER)[number];

const NEEDS: Partial<Record<Screen, readonly Ability[]>> = {
  today: ['read-chart', 'edit-patients', 'book'],
  patients: ['read-chart', 'edit-patients', 'book'],
  schedule: ['read-chart', 'edit-patients', 'book'],
  visits: ['read-chart'],
  inbox: ['read-chart', 'edit-patients', 'book'],
  audit: ['read-audit'],
  reviews: ['review-access'],
};

/** The user's screens, in the order of the rail; the first is where the day begins. */
export function screensOf(user: UserView): readonly Screen[] {
  return ORDER.filter(
    (screen) => NEEDS[screen]?.some((ability) => user.abilities.includes(ability)) ?? true,
  );
}

/** Where a new session begins. */
export function homeOf(user: UserView): Screen {
  return screensOf(user)[0] ?? 'settings';
}
