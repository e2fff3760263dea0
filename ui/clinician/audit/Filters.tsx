import { Button, NativeSelect } from '@mantine/core';
import { useMemo } from 'react';
import { DateField } from '../../shared/components/DateField.tsx';
import { useActionWords } from '../../shared/hooks/use-names.ts';
import { en } from '../../shared/words/en.ts';
import { useWords } from '../../shared/words/index.ts';
import css from './AuditScreen.module.css';
import { type AuditAsked, PERIODS, type Seen, START, wrongDay } from './asked.ts';
import { SeenField } from './SeenField.tsx';

const ACTIONS = Object.keys(en.activity.actions);
const OUTCOMES = { any: null, done: true, refused: false } as const;
type Outcome = keyof typeof OUTCOMES;

/** Everything that the audit can be asked by. */
export function Filters({
  asked,
  onChange,
  users,
  patients,
}: {
  asked: AuditAsked;
  onChange: (next: AuditAsked) => void;
  users: readonly Seen[];
  patients: readonly Seen[];
}) {
  const { t } = useWords();
  const words = useActionWords();
  const actions = useMemo(
    () =>
      ACTIONS.map((code) => ({ value: code, label: words(code) })).sort((a, b) =>
        a.label.localeCompare(b.label),
      ),
    [words],
  );
  const change = (part: Partial<AuditAsked>) => onChange({ ...asked, ...part });
  const wrong = wrongDay(asked);
  const outcome =
    (Object.keys(OUTCOMES) as Outcome[]).find((name) => OUTCOMES[name] === asked.success) ?? 'any';
  const filtered =
    asked.user !== null ||
    asked.patient !== null ||
    asked.action !== null ||
    asked.success !== null ||
    asked.period !== START.period;
  return (
    <div className={css.filters} data-testid="audit-filters">
      <NativeSelect
        label={t('audit.period')}
        value={asked.period}
        onChange={(event) => change({ period: event.currentTarget.value as AuditAsked['period'] })}
        data={PERIODS.map((period) => ({ value: period, label: t(`audit.periods.${period}`) }))}
        data-testid="audit-period"
      />
      {asked.period === 'own' && (
        <>
          <DateField
            className={css.day}
            label={t('audit.from')}
            value={asked.from}
            onChange={(from) => change({ from })}
            error={wrong === 'from' && t('audit.dateWrong')}
            data-testid="audit-from"
          />
          <DateField
            className={css.day}
            label={t('audit.until')}
            value={asked.until}
            onChange={(until) => change({ until })}
            error={
              (wrong === 'until' && t('audit.dateWrong')) ||
              (wrong === 'order' && t('audit.dateBefore'))
            }
            data-testid="audit-until"
          />
        </>
      )}
      <SeenField
        label={t('audit.user')}
        placeholder={t('audit.anyUser')}
        value={asked.user}
        seen={users}
        onChange={(user) => change({ user })}
        testId="audit-user"
      />
      <SeenField
        label={t('audit.patient')}
        placeholder={t('audit.anyPatient')}
        value={asked.patient}
        seen={patients}
        onChange={(patient) => change({ patient })}
        testId="audit-patient"
      />
      <NativeSelect
        className={css.action}
        label={t('audit.action')}
        value={asked.action ?? ''}
        onChange={(event) => change({ action: event.currentTarget.value || null })}
        data={[{ value: '', label: t('audit.anyAction') }, ...actions]}
        data-testid="audit-action"
      />
      <NativeSelect
        label={t('audit.outcome')}
        value={outcome}
        onChange={(event) => change({ success: OUTCOMES[event.currentTarget.value as Outcome] })}
        data={[
          { value: 'any', label: t('audit.anyOutcome') },
          { value: 'done', label: t('access.done') },
          { value: 'refused', label: t('access.refused') },
        ]}
        data-testid="audit-outcome"
      />
      {filtered && (
        <Button
          className={css.clear}
          variant="subtle"
          color="gray"
          onClick={() => onChange({ ...START, sort: asked.sort, ascending: asked.ascending })}
          data-testid="audit-clear"
        >
          {t('audit.clear')}
        </Button>
      )}
    </div>
  );
}
