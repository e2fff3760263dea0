// A record that is closed to the user: says why and takes a reason, or in an emergency a reason
// and the password. What was asked for is then asked again. Shows nothing of the patient.
import { Button, PasswordInput, Textarea } from '@mantine/core';
import { type FormEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react';
import type { Fault } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { IconLock, IconUrgent } from '../../shared/components/icons.ts';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { useSession } from '../frame/session.tsx';
import { useKept } from '../frame/workspace.tsx';
import css from './ClosedRecord.module.css';
import { fits, LONGEST, lengthOf, SHORTEST, withUsual } from './reason.ts';

const USUAL = ['covering', 'advice', 'called', 'result', 'preparing'] as const;
const EMERGENCIES = ['unconscious', 'threat', 'noTime'] as const;

interface Asked {
  readonly patient: string;
  /** Does again what was refused. */
  readonly again: () => unknown;
}

/** The refusal of a record that a reason would open. */
export type ClosedFault = Fault & { readonly code: 'needs-justification' | 'needs-emergency' };

/** Whether a fault says that the record is closed, and a reason would open it. */
export function isClosed(fault: Fault | null): fault is ClosedFault {
  return fault?.code === 'needs-justification' || fault?.code === 'needs-emergency';
}

function Reason({
  usual,
  value,
  onChange,
  tried,
}: {
  usual: readonly string[];
  value: string;
  onChange: (next: string) => void;
  tried: boolean;
}) {
  const { t } = useWords();
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    // The screen came instead of a chart: its first field takes the focus unless somebody is
    // busy beside it.
    if (!document.activeElement?.closest('aside input, aside textarea, [role="dialog"]')) {
      field.current?.focus({ preventScroll: true });
    }
  }, []);
  const length = lengthOf(value);
  const wrong =
    length > LONGEST
      ? t('closed.reasonLong', { count: length, max: LONGEST })
      : tried && length < SHORTEST
        ? t('closed.reasonShort', { min: SHORTEST })
        : null;
  return (
    <>
      <Textarea
        ref={field}
        label={t('closed.reason')}
        description={t('closed.reasonHint', { min: SHORTEST, max: LONGEST })}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
        error={wrong}
        autosize
        minRows={2}
        maxRows={8}
        data-testid="closed-reason"
      />
      {/* biome-ignore lint/a11y/useSemanticElements: buttons that fill the field above, no fields */}
      <div className={css.usual} role="group" aria-labelledby={id}>
        <span id={id} className="unseen">
          {t('closed.usual')}
        </span>
        {usual.map((reason) => (
          <Button
            key={reason}
            size="xs"
            variant="default"
            aria-pressed={value.includes(reason)}
            onClick={() => {
              onChange(withUsual(value, reason, usual));
              field.current?.focus();
            }}
            data-testid="closed-usual"
          >
            {reason}
          </Button>
        ))}
      </div>
    </>
  );
}

function Frame({
  fault,
  title,
  emergency = false,
  children,
}: {
  fault: Fault;
  title: string;
  emergency?: boolean;
  children: ReactNode;
}) {
  const id = useId();
  return (
    <section
      className={css.closed}
      data-emergency={emergency || undefined}
      aria-labelledby={id}
      data-testid={emergency ? 'closed-emergency' : 'closed-justify'}
    >
      <h2 id={id} className={css.title}>
        {emergency ? <IconUrgent size={20} aria-hidden /> : <IconLock size={20} aria-hidden />}
        {title}
      </h2>
      <div role="status">
        {[fault.what, fault.safe, fault.act]
          .filter((words) => words !== '')
          .map((words) => (
            <p key={words}>{words}</p>
          ))}
      </div>
      {children}
    </section>
  );
}

function Justify({ fault, patient, again }: Asked & { fault: Fault }) {
  const { t } = useWords();
  const [reason, setReason] = useKept(`reason ${patient}`, '');
  const [tried, setTried] = useState(false);
  const open = useAction(async () => {
    await ipc.justifyAccess({ patient, reason: reason.trim() });
    setReason('');
    await again();
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (fits(reason)) {
      void open.run();
    }
  };
  return (
    <Frame fault={fault} title={t('closed.justifyTitle')}>
      <form onSubmit={submit} className={css.form} noValidate>
        <Reason
          usual={USUAL.map((name) => t(`closed.reasons.${name}`))}
          value={reason}
          onChange={setReason}
          tried={tried}
        />
        {open.fault && <FaultNote fault={open.fault} compact />}
        <Button type="submit" loading={open.running} className={css.open} data-testid="closed-open">
          {t('closed.open')}
        </Button>
      </form>
    </Frame>
  );
}

function Emergency({ fault, patient, again }: Asked & { fault: Fault }) {
  const { t } = useWords();
  const { can } = useClinic();
  const { sync } = useSession();
  const [reason, setReason] = useKept(`emergency ${patient}`, '');
  const [password, setPassword] = useState('');
  const [tried, setTried] = useState(false);
  const open = useAction(async () => {
    try {
      await ipc.emergencyAccess({ patient, reason: reason.trim(), password });
    } finally {
      setPassword('');
    }
    setTried(false);
    setReason('');
    await again();
  });
  if (!can('emergency-access')) {
    return (
      <Frame fault={fault} title={t('closed.justifyTitle')}>
        <p className="dim">{t('closed.notYours')}</p>
      </Frame>
    );
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (fits(reason) && password !== '') {
      void open.run();
    }
  };
  const wrong = open.fault?.field === 'password' ? open.fault : null;
  return (
    <Frame fault={fault} title={t('closed.emergencyTitle')} emergency>
      <ul className={css.terms}>
        <li>{t(sync?.connection === 'online' ? 'closed.told' : 'closed.toldOffline')}</li>
        <li>{t('closed.twoHours')}</li>
      </ul>
      <form onSubmit={submit} className={css.form} noValidate>
        <Reason
          usual={EMERGENCIES.map((name) => t(`closed.emergencies.${name}`))}
          value={reason}
          onChange={setReason}
          tried={tried}
        />
        <PasswordInput
          className={css.password}
          label={t('closed.password')}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          error={
            wrong?.what ??
            (tried && password === '' && !open.running && !open.fault
              ? t('closed.passwordMissing')
              : null)
          }
          autoComplete="off"
          visibilityToggleButtonProps={{ 'aria-label': t('signIn.showPassword') }}
          data-testid="closed-password"
        />
        {open.fault && !wrong && <FaultNote fault={open.fault} compact />}
        <Button
          type="submit"
          loading={open.running}
          className={css.open}
          data-testid="closed-open-emergency"
        >
          {t('closed.openEmergency')}
        </Button>
      </form>
    </Frame>
  );
}

/** The screen, or the part of a panel, that stands where a closed record would be. */
export function ClosedRecord({ fault, ...asked }: Asked & { fault: Fault }) {
  return fault.code === 'needs-emergency' ? (
    <Emergency fault={fault} {...asked} />
  ) : (
    <Justify fault={fault} {...asked} />
  );
}

/** A fault of something done with a patient's record: in words, or the way to open the record. */
export function RecordFault({
  fault,
  compact = false,
  ...asked
}: Asked & { fault: Fault; compact?: boolean }) {
  return isClosed(fault) ? (
    <ClosedRecord fault={fault} {...asked} />
  ) : (
    <FaultNote
      fault={fault}
      compact={compact}
      again={compact ? undefined : () => void asked.again()}
    />
  );
}
