// Guests of a visit: who they are, how they stand, and what can be done about it.
import { Button } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import type { CallView, GuestCallView, GuestView, VisitView } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { useNow } from '../../shared/hooks/use-now.ts';
import { ipc } from '../../shared/ipc.ts';
import { minutesSince } from '../../shared/time.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { canAskIn, isInCall, waitingGuests } from './company.ts';
import { useWho } from './GuestPictures.tsx';
import css from './Guests.module.css';
import { InviteGuest } from './InviteGuest.tsx';
import { useCallAgain } from './use-call.ts';

/** `Interpreter waits · 3 min` for each who does. */
export function GuestsWaiting({ visit, now }: { visit: VisitView; now: Date }) {
  const { t } = useWords();
  return waitingGuests(visit).map((guest) => (
    <span key={guest.guest} className="small" data-testid="visit-guest-waits">
      {t('visits.guests.waits', { kind: t(`visits.guests.kinds.${guest.kind}`) })}
      {guest.since && ` · ${t('progress.minutes', { count: minutesSince(guest.since, now) })}`}
    </span>
  ));
}

/** Ends a guest's part, after it was asked once more in place. */
function Dismiss({
  guest,
  who,
  dismiss,
}: {
  guest: GuestView;
  who: string;
  dismiss: ReturnType<typeof useAction<[], void>>;
}) {
  const { t } = useWords();
  const [asking, setAsking] = useState(false);
  const keep = useRef<HTMLButtonElement>(null);
  const ask = useRef<HTMLButtonElement>(null);
  const back = useRef(false);
  const what = guest.stage === 'invited' ? 'withdraw' : 'dismiss';
  useEffect(() => {
    // The harmless one has the focus: Enter pressed twice dismisses nobody.
    if (asking) {
      keep.current?.focus();
    } else if (back.current) {
      ask.current?.focus();
    }
    back.current = asking;
  }, [asking]);
  if (!asking) {
    return (
      <Button
        ref={ask}
        size="xs"
        variant="subtle"
        color="red"
        onClick={() => setAsking(true)}
        aria-label={`${t(`visits.guests.${what}`)}: ${who}`}
        data-testid="guest-dismiss"
      >
        {t(`visits.guests.${what}`)}
      </Button>
    );
  }
  return (
    <section className={css.sure} aria-label={`${t(`visits.guests.${what}`)}: ${who}`}>
      <p className="small">{t(`visits.guests.sure.${what}`)}</p>
      <div className={css.acts}>
        <Button ref={keep} size="xs" variant="default" onClick={() => setAsking(false)}>
          {t('common.cancel')}
        </Button>
        <Button
          size="xs"
          color="red"
          loading={dismiss.running}
          onClick={() => dismiss.run()}
          data-testid="guest-dismiss-sure"
        >
          {t(`visits.guests.${what}`)}
        </Button>
      </div>
    </section>
  );
}

function Guest({
  visit,
  guest,
  call,
  patientIn,
  now,
  left,
}: {
  visit: VisitView;
  guest: GuestView;
  call: GuestCallView | undefined;
  patientIn: boolean;
  now: Date;
  left: () => void;
}) {
  const { t } = useWords();
  const { time } = useClinic();
  const again = useCallAgain();
  const who = useWho()(guest);
  const { appointment } = visit;
  const admit = useAction(async () => {
    await ipc.admitGuest(appointment, guest.guest);
    await again();
  });
  const back = useAction(async () => {
    await ipc.endGuestCall(appointment, guest.guest);
    await again();
  });
  const dismiss = useAction(async () => {
    await ipc.dismissGuest(appointment, guest.guest);
    left();
    await again();
  });
  const waits = guest.stage === 'waiting' && guest.since;
  const minutes = waits ? minutesSince(waits, now) : null;
  const word = t(guest.stage === 'waiting' ? 'visits.guests.askIn' : 'visits.guests.askAgain');
  const fault = admit.fault ?? back.fault ?? dismiss.fault;
  const over = Date.parse(guest.linkUntil) <= now.getTime();
  return (
    <li
      className={css.guest}
      data-testid="guest"
      data-guest={guest.guest}
      data-kind={guest.kind}
      data-stage={guest.stage}
    >
      <div className={css.head}>
        <p className={css.kind}>{t(`visits.guests.kinds.${guest.kind}`)}</p>
        <p className="dim small" data-testid="guest-stage">
          {t(`visits.stages.${guest.stage}`)}
          {minutes !== null && ` · ${t('progress.minutes', { count: minutes })}`}
        </p>
      </div>
      {guest.said && (
        <p className="small" data-testid="guest-said">
          {t('visits.said')} <bdi>{guest.said}</bdi>
        </p>
      )}
      {guest.stage === 'invited' && (
        <p className="dim small">
          {over
            ? t('visits.guests.linkOver')
            : t('visits.guests.linkUntil', { time: time.shortly(guest.linkUntil, now) })}
        </p>
      )}
      <div className={css.acts}>
        {patientIn && canAskIn(guest, call) && (
          <Button
            size="xs"
            loading={admit.running}
            onClick={(event) => event.detail < 2 && admit.run()}
            aria-label={`${word}: ${who}`}
            data-testid="guest-ask-in"
          >
            {word}
          </Button>
        )}
        {isInCall(guest.stage) && (
          <Button
            size="xs"
            variant="default"
            loading={back.running}
            // The second click of a double click on what was here before puts nobody out.
            onClick={(event) => event.detail < 2 && back.run()}
            aria-label={`${t('visits.guests.back')}: ${who}`}
            data-testid="guest-back"
          >
            {t('visits.guests.back')}
          </Button>
        )}
        <Dismiss guest={guest} who={who} dismiss={dismiss} />
      </div>
      {fault && <FaultNote fault={fault} compact />}
    </li>
  );
}

/** The section of the panel. `call` is the one of this visit on this computer. */
export function Guests({ visit, call }: { visit: VisitView; call: CallView | null }) {
  const { t } = useWords();
  const now = useNow(15_000);
  const section = useRef<HTMLElement>(null);
  const patientIn = call !== null && isInCall(visit.stage);
  const waiting = waitingGuests(visit);
  const ended = visit.stage === 'ended';
  if (ended || (visit.guests.length === 0 && !visit.canInvite)) {
    return null;
  }
  return (
    <section
      ref={section}
      tabIndex={-1}
      className={css.guests}
      aria-label={t('visits.guests.title')}
      data-testid="guests"
    >
      <div className={css.head}>
        <h3>{t('visits.guests.title')}</h3>
        <p role="status" className="small" data-testid="guests-waiting">
          {waiting
            .map((guest) =>
              t('visits.guests.waits', { kind: t(`visits.guests.kinds.${guest.kind}`) }),
            )
            .join(' · ')}
        </p>
      </div>
      {visit.guests.length === 0 && <p className="dim small">{t('visits.guests.none')}</p>}
      {waiting.length > 0 && !patientIn && (
        <p className="small" data-testid="guests-after">
          {t('visits.guests.after')}
        </p>
      )}
      {visit.guests.length > 0 && (
        <ul className={css.list}>
          {visit.guests.map((guest) => (
            <Guest
              key={guest.guest}
              visit={visit}
              guest={guest}
              call={call?.guests.find((one) => one.guest === guest.guest)}
              patientIn={patientIn}
              now={now}
              left={() => section.current?.focus()}
            />
          ))}
        </ul>
      )}
      <InviteGuest visit={visit} />
    </section>
  );
}
