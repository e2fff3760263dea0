// Invites a guest: who it is, that the patient agrees, and a link that is shown once.
import { Button, Checkbox, Select } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import type { GuestKind, InvitationView, VisitView } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import css from './Guests.module.css';
import { MadeLink } from './MadeLink.tsx';

const KINDS: readonly GuestKind[] = ['interpreter', 'family', 'carer', 'other'];

/** A link, and whom it is for. */
interface Made {
  readonly kind: GuestKind;
  readonly invitation: InvitationView;
}

function Form({
  appointment,
  made,
  close,
}: {
  appointment: string;
  made: (made: Made) => void;
  close: () => void;
}) {
  const { t } = useWords();
  const first = useRef<HTMLInputElement>(null);
  const [kind, setKind] = useState<GuestKind | null>(null);
  const [agreed, setAgreed] = useState(false);
  useEffect(() => first.current?.focus(), []);
  const make = useAction(async (whom: GuestKind) => {
    made({ kind: whom, invitation: await ipc.inviteGuest(appointment, whom, agreed) });
  });
  return (
    <form
      className={css.box}
      aria-label={t('visits.guests.inviting')}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (kind && agreed) {
          void make.run(kind);
        }
      }}
      data-testid="guest-form"
    >
      <Select
        ref={first}
        size="xs"
        label={t('visits.guests.who')}
        placeholder={t('visits.guests.choose')}
        data={KINDS.map((one) => ({ value: one, label: t(`visits.guests.kinds.${one}`) }))}
        value={kind}
        allowDeselect={false}
        openOnFocus={false}
        onChange={(chosen) => {
          setKind(KINDS.find((one) => one === chosen) ?? null);
          // The patient agreed to another person.
          setAgreed(false);
        }}
        data-testid="guest-kind"
      />
      <Checkbox
        size="sm"
        label={t('visits.guests.agreed')}
        checked={agreed}
        onChange={(event) => setAgreed(event.currentTarget.checked)}
        data-testid="guest-agreed"
      />
      {make.fault && <FaultNote fault={make.fault} compact />}
      <div className={css.acts}>
        <Button
          type="submit"
          size="xs"
          loading={make.running}
          disabled={kind === null || !agreed}
          data-testid="guest-link-make"
        >
          {t('visits.guests.make')}
        </Button>
        <Button size="xs" variant="subtle" onClick={close}>
          {t('common.cancel')}
        </Button>
      </div>
    </form>
  );
}

/** The way to one more guest, or why there is none. */
export function InviteGuest({ visit }: { visit: VisitView }) {
  const { t } = useWords();
  const { time } = useClinic();
  const begin = useRef<HTMLButtonElement>(null);
  const back = useRef(false);
  const [open, setOpen] = useState(false);
  const [made, setMade] = useState<Made | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const closed = !open && made === null;
  const came = visit.guests.some(
    (guest) => guest.guest === made?.invitation.guest && guest.stage !== 'invited',
  );
  useEffect(() => {
    // Whoever it was for is there: the link is of no more use. The focus is not taken from anywhere.
    if (came && !box.current?.contains(document.activeElement)) {
      back.current = false;
      setMade(null);
    }
  }, [came]);
  useEffect(() => {
    // Back where the form was opened from.
    if (closed && back.current) {
      begin.current?.focus();
    }
    back.current = !closed;
  }, [closed]);
  return (
    <>
      {made && (
        <div ref={box} className={css.box}>
          <MadeLink
            invitation={made.invitation}
            label={t(`visits.guests.give.${made.kind}`)}
            until={t('visits.guests.giveUntil', {
              time: time.shortly(made.invitation.until, new Date()),
            })}
            testId="guest-link"
          >
            <Button size="xs" variant="subtle" onClick={() => setMade(null)}>
              {t('visits.guests.done')}
            </Button>
          </MadeLink>
        </div>
      )}
      {visit.canInvite && open && (
        <Form
          appointment={visit.appointment}
          made={(link) => {
            setMade(link);
            setOpen(false);
          }}
          close={() => setOpen(false)}
        />
      )}
      {visit.canInvite && closed && (
        <Button
          ref={begin}
          size="xs"
          variant="default"
          onClick={() => setOpen(true)}
          data-testid="guest-invite"
        >
          {t('visits.guests.invite')}
        </Button>
      )}
      {!visit.canInvite && (
        <p className="dim small" data-testid="guest-full">
          {t('visits.guests.full')}
        </p>
      )}
    </>
  );
}
