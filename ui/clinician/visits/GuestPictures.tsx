// Guests in the call: their pictures under the patient's.
import { useQuery } from '@tanstack/react-query';
import type { GuestCallView, GuestView } from '../../shared/bindings.ts';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import css from './Guests.module.css';
import { Picture } from './Picture.tsx';

/** Who a guest is. What the guest typed comes after it and is not taken for true. */
export function useWho() {
  const { t } = useWords();
  return (guest: Pick<GuestView, 'kind' | 'said'>) => {
    const kind = t(`visits.guests.kinds.${guest.kind}`);
    return guest.said ? `${kind}, ${guest.said}` : kind;
  };
}

/** A guest's picture. Drawn anew, it asks for a new address. */
function GuestPicture({ guest, label }: { guest: string; label: string }) {
  const picture = useQuery({
    queryKey: ['guest-picture', guest],
    queryFn: () => ipc.guestPicture(guest),
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return <Picture url={picture.data ?? undefined} label={label} testId="guest-picture" />;
}

function Tile({ guest, call }: { guest: GuestView; call: GuestCallView }) {
  const { t } = useWords();
  const who = useWho()(guest);
  return (
    <li className={css.tile} data-testid="guest-tile" data-guest={guest.guest}>
      {call.hasPicture ? (
        <GuestPicture guest={guest.guest} label={t('visits.guests.picture', { who })} />
      ) : (
        <p className={css.noPicture}>{t('visits.guests.noPicture')}</p>
      )}
      <span className={css.kind}>{t(`visits.guests.kinds.${guest.kind}`)}</span>
      {guest.said && (
        <bdi className="dim one-line" title={guest.said}>
          {guest.said}
        </bdi>
      )}
      {call.state === 'talking' ? (
        <meter
          min={0}
          max={100}
          value={call.level}
          aria-label={t('visits.guests.level', { who })}
          data-testid="guest-level"
          data-level={call.level}
        />
      ) : (
        <span role="status" data-testid="guest-standing" data-state={call.state}>
          {t(`visits.guests.states.${call.state}`)}
        </span>
      )}
    </li>
  );
}

/** All of them, small: the patient stays the large one. */
export function GuestPictures({ guests, calls }: { guests: GuestView[]; calls: GuestCallView[] }) {
  const { t } = useWords();
  const shown = guests.flatMap((guest) => {
    const call = calls.find((one) => one.guest === guest.guest);
    return call ? [{ guest, call }] : [];
  });
  if (shown.length === 0) {
    return null;
  }
  return (
    <ul className={css.tiles} aria-label={t('visits.guests.company')}>
      {shown.map(({ guest, call }) => (
        <Tile key={guest.guest} guest={guest} call={call} />
      ))}
    </ul>
  );
}
