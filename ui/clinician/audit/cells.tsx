// The parts of a row of accesses, the same wherever accesses are listed.
import type { AccessRow } from '../../shared/bindings.ts';
import { IconUrgent, IconX } from '../../shared/components/icons.ts';
import { PersonName } from '../../shared/components/PersonName.tsx';
import { useActionWords, useRoleWords } from '../../shared/hooks/use-names.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import css from './cells.module.css';

const EMERGENCIES: readonly string[] = ['BTG', 'ETREAT'];

/** Whether a row was an emergency, or the taking of emergency access itself. */
export function isEmergency(row: AccessRow): boolean {
  return row.actionCode === 'emergency-access' || EMERGENCIES.includes(row.purpose ?? '');
}

/** Day and time, on one line. */
export function WhenCell({ row }: { row: AccessRow }) {
  const { time } = useClinic();
  return (
    <time dateTime={row.at} className="one-line">
      {time.dateTime(row.at)}
    </time>
  );
}

/** Who, by name; the system where it was nobody. */
export function WhoCell({ row }: { row: AccessRow }) {
  const { t } = useWords();
  return row.userName ? (
    <PersonName name={row.userName} className={css.who} />
  ) : (
    <span className="dim">{t(row.user ? 'access.nobody' : 'access.system')}</span>
  );
}

/** The role, in words. */
export function RoleCell({ row }: { row: AccessRow }) {
  const role = useRoleWords();
  return <span className="dim one-line">{row.role ? role(row.role) : ''}</span>;
}

/** What was done, with a mark for an emergency. */
export function WhatCell({ row }: { row: AccessRow }) {
  const { t } = useWords();
  const words = useActionWords();
  const name = words(row.actionCode);
  return (
    <span className={css.what}>
      {isEmergency(row) && (
        <span className={css.emergency} title={t('access.emergency')}>
          <IconUrgent size={15} aria-hidden />
          <span className="unseen">{t('access.emergency')}</span>
        </span>
      )}
      <span className="one-line" title={name}>
        {name}
      </span>
    </span>
  );
}

/** Whether it was done. */
export function OutcomeCell({ row }: { row: AccessRow }) {
  const { t } = useWords();
  return row.success ? (
    <span className="dim">{t('access.done')}</span>
  ) : (
    <span className={css.refused}>
      <IconX size={14} aria-hidden />
      {t('access.refused')}
    </span>
  );
}

/** Why: what the decision says, and under it the words of the user. */
export function WhyCell({ row }: { row: AccessRow }) {
  const { t } = useWords();
  return (
    <>
      <span className="one-line dim small" title={row.explanation ?? undefined}>
        {row.explanation ?? t('access.unsaid')}
      </span>
      {row.justification && (
        <q className={`one-line ${css.reason}`} title={row.justification}>
          {row.justification}
        </q>
      )}
    </>
  );
}
