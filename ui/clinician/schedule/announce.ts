// The message after a booking or a move: requested until the server has spoken, then confirmed.
// It never says "requested" of what a view beside it shows as confirmed.
import { notifications } from '@mantine/notifications';
import type { QueryClient } from '@tanstack/react-query';
import type { AppointmentView, Saved, Standing } from '../../shared/bindings.ts';
import { listen } from '../../shared/ipc.ts';

const STAYS = 5000;

interface Days {
  readonly appointments?: readonly AppointmentView[];
}

/** Where an appointment stands in the newest view that was read since then and holds it. */
function standingOf(client: QueryClient, id: string, since: number): Standing | null {
  let newest = since - 1;
  let standing: Standing | null = null;
  for (const query of client.getQueryCache().findAll()) {
    const view = query.state.data as Days | undefined;
    const found = Array.isArray(view?.appointments)
      ? view.appointments.find((one) => one.id === id)
      : undefined;
    if (found && query.state.dataUpdatedAt > newest) {
      newest = query.state.dataUpdatedAt;
      standing = found.standing;
    }
  }
  return standing;
}

/** Shows the message and keeps it true for as long as it is shown. */
export function announce(
  client: QueryClient,
  saved: Saved,
  words: { readonly requested: string; readonly confirmed: string },
): void {
  if (saved.standing === 'confirmed') {
    notifications.show({ message: words.confirmed });
    return;
  }
  const id = saved.reference.slice(saved.reference.indexOf('/') + 1);
  const asked = Date.now();
  let waited = false;
  const stops: (() => void)[] = [];
  const shown = notifications.show({
    message: words.requested,
    autoClose: STAYS,
    onClose: () => {
      for (const stop of stops) {
        stop();
      }
    },
  });
  const look = () => {
    const standing = standingOf(client, id, asked);
    if (standing === 'confirmed') {
      notifications.update({ id: shown, message: words.confirmed, autoClose: STAYS });
      for (const stop of stops.splice(0)) {
        stop();
      }
    } else if (standing === 'needs-you' || standing === 'refused') {
      // The status bar and the inbox say what became of it.
      notifications.hide(shown);
    }
  };
  stops.push(
    client.getQueryCache().subscribe((event) => {
      if (event.type === 'updated') {
        look();
      }
    }),
    // With no view of that day on screen, the queue tells: what waits no more was decided on.
    listen('syncChanged', (sync) => {
      waited ||= sync.toSend > 0;
      if (waited && sync.toSend === 0 && standingOf(client, id, asked) === null) {
        notifications.hide(shown);
      }
    }),
  );
}
