// An open session: its own query client, place and workspace. Nothing in here outlives a lock.
import { Notifications, notifications } from '@mantine/notifications';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { UserView } from '../../shared/bindings.ts';
import { type Change, redraw } from '../../shared/hooks/use-view.ts';
import { ipc, listen } from '../../shared/ipc.ts';
import { ClinicProvider } from './clinic.tsx';
import { wear } from './look.ts';
import { showOverlay } from './overlays.ts';
import { PlaceProvider, type Trail } from './place.tsx';
import { Shell } from './Shell.tsx';
import { wantSwitch } from './switching.ts';
import { WorkspaceProvider, type WorkspaceTrail } from './workspace.tsx';

/** Changes that come within this many milliseconds are drawn once. */
const GATHER = 60;
const LONGEST_GATHER = 600;
/** Tells the program that somebody is here, at most this often. */
const ACTIVITY_EVERY = 15_000;

function useChanges(client: QueryClient): void {
  useEffect(() => {
    let gathered: Change[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    let first = 0;
    const draw = () => {
      const changes = gathered;
      gathered = [];
      first = 0;
      redraw(client, changes);
    };
    const stop = listen('dataChanged', (change) => {
      gathered.push(change);
      clearTimeout(timer);
      first ||= Date.now();
      const left = Math.max(0, first + LONGEST_GATHER - Date.now());
      timer = setTimeout(draw, Math.min(GATHER, left));
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [client]);
}

function useIdleTimer(): void {
  useEffect(() => {
    let last = 0;
    const here = () => {
      const now = Date.now();
      if (now - last >= ACTIVITY_EVERY) {
        last = now;
        ipc.noteActivity().catch(() => {
          // The program locks at worst; typing again after the unlock tells it anew.
          last = 0;
        });
      }
    };
    const kinds = ['pointerdown', 'pointermove', 'keydown', 'wheel'] as const;
    for (const kind of kinds) {
      window.addEventListener(kind, here, { passive: true, capture: true });
    }
    return () => {
      for (const kind of kinds) {
        window.removeEventListener(kind, here, { capture: true });
      }
    };
  }, []);
}

/** Everything that a signed-in user sees. */
export function OpenSession({ user, trail }: { user: UserView; trail: Trail & WorkspaceTrail }) {
  const [client] = useState(
    () =>
      new QueryClient({
        defaultOptions: {
          queries: {
            staleTime: Number.POSITIVE_INFINITY,
            retry: false,
            refetchOnWindowFocus: false,
            refetchOnReconnect: false,
            networkMode: 'always',
          },
        },
      }),
  );
  useEffect(() => {
    ipc.settingsView().then(
      (settings) => wear(settings.theme),
      () => {
        // The look stays what it was; Settings shows the fault when it is opened.
      },
    );
  }, []);
  // What was open over the frame does not come back with the next unlock, and a message that
  // names somebody does not outlive the lock.
  useEffect(
    () => () => {
      showOverlay(null);
      notifications.clean();
    },
    [],
  );
  // Whoever was waited for is here.
  useEffect(() => wantSwitch(false), []);
  useChanges(client);
  useIdleTimer();
  return (
    <QueryClientProvider client={client}>
      <Notifications position="bottom-right" autoClose={5000} limit={3} containerWidth={380} />
      <ClinicProvider user={user}>
        <PlaceProvider trail={trail}>
          <WorkspaceProvider trail={trail}>
            <Shell />
          </WorkspaceProvider>
        </PlaceProvider>
      </ClinicProvider>
    </QueryClientProvider>
  );
}
