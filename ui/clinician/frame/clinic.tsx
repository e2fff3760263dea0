// Who works here and by which clock: there while a session is open, for every screen.
import { createContext, type ReactNode, useContext, useMemo } from 'react';
import type { Ability, UserView } from '../../shared/bindings.ts';
import { ClinicTime, usableLocale } from '../../shared/time.ts';
import { type Screen, screensOf } from './screens.ts';

interface Clinic {
  readonly user: UserView;
  readonly time: ClinicTime;
  /** The screens of the rail, in its order. */
  readonly screens: readonly Screen[];
  /** Whether the user's role may do it; what it may not do is not drawn. */
  readonly can: (ability: Ability) => boolean;
}

const ClinicContext = createContext<Clinic | null>(null);

/** Opens the clinic for the screens below. */
export function ClinicProvider({ user, children }: { user: UserView; children: ReactNode }) {
  const clinic = useMemo<Clinic>(
    () => ({
      user,
      time: new ClinicTime(user.timeZone, usableLocale(navigator.languages)),
      screens: screensOf(user),
      can: (ability) => user.abilities.includes(ability),
    }),
    [user],
  );
  return <ClinicContext value={clinic}>{children}</ClinicContext>;
}

/** The clinic of the open session. */
export function useClinic(): Clinic {
  const clinic = useContext(ClinicContext);
  if (!clinic) {
    throw new Error('useClinic outside an open session');
  }
  return clinic;
}
