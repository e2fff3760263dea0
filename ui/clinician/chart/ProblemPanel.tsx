import { Button, TextInput, UnstyledButton } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { ProblemTerm } from '../../shared/bindings.ts';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { useDebounced } from '../../shared/hooks/use-debounced.ts';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { RecordFault } from '../access/ClosedRecord.tsx';
import { useClinic } from '../frame/clinic.tsx';
import { Panel } from '../frame/Panel.tsx';
import { useKept, useWorkspace } from '../frame/workspace.tsx';
import css from './Forms.module.css';
import { isDay } from './problem-days.ts';

interface Typed {
  readonly text: string;
  readonly term: ProblemTerm | null;
  readonly onset: string;
}

const NOTHING: Typed = { text: '', term: null, onset: '' };
/** A problem for the list: a coded term where one fits, else the clinician's words. */
export default function ProblemPanel({ patient }: { patient: string }) {
  const { t } = useWords();
  const { time } = useClinic();
  const { close } = useWorkspace();
  const [typed, setTyped] = useKept<Typed>(`problem ${patient}`, NOTHING);
  const [faults, setFaults] = useState<{ text?: string; onset?: string }>({});
  const save = useAction(ipc.addProblem);
  const query = useDebounced(typed.text.trim(), 120);
  // Terms are a code list, not somebody's data.
  const terms = useQuery({
    queryKey: ['problem-terms', query],
    queryFn: () => ipc.problemTerms(query),
    enabled: query.length > 1 && typed.term === null,
  });

  const submit = async () => {
    const onset = typed.onset.trim();
    const wrong: { text?: string; onset?: string } = {};
    if (typed.text.trim() === '') {
      wrong.text = t('problem.textMissing');
    }
    if (onset !== '' && !isDay(onset)) {
      wrong.onset = t('problem.onsetWrong');
    } else if (onset > time.dayOf(new Date())) {
      wrong.onset = t('problem.onsetFuture');
    }
    setFaults(wrong);
    if (wrong.text || wrong.onset) {
      return;
    }
    const saved = await save.run({
      patient,
      text: typed.text.trim(),
      snomed: typed.term?.snomed ?? null,
      icd10: typed.term?.icd10 ?? null,
      onset: onset === '' ? null : onset,
    });
    if (saved) {
      setTyped(NOTHING);
      notifications.show({ message: t('problem.saved') });
      close();
    }
  };

  const offered = typed.term === null ? (terms.data ?? []).slice(0, 8) : [];
  return (
    <Panel
      title={t('problem.title')}
      testId="problem-panel"
      foot={
        <Button type="submit" form="problem-form" loading={save.running} data-testid="problem-save">
          {t('problem.save')}
        </Button>
      }
    >
      <form
        id="problem-form"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
        className={css.form}
        noValidate
      >
        <TextInput
          label={t('problem.text')}
          description={
            typed.term
              ? t('problem.coded', { snomed: typed.term.snomed, icd10: typed.term.icd10 })
              : typed.text.trim() === ''
                ? t('problem.textHint')
                : t('problem.uncoded')
          }
          value={typed.text}
          onChange={(event) => setTyped({ ...typed, text: event.currentTarget.value, term: null })}
          error={faults.text}
          maxLength={200}
          autoComplete="off"
          data-autofocus
          data-testid="problem-text"
        />
        {offered.length > 0 && (
          <ul className={css.terms} aria-label={t('problem.terms')}>
            {offered.map((term) => (
              <li key={term.snomed}>
                <UnstyledButton
                  className={css.term}
                  onClick={() => setTyped({ ...typed, text: term.text, term })}
                  data-testid="problem-term"
                >
                  <span>{term.text}</span>
                  <span className="dim small">{term.icd10}</span>
                </UnstyledButton>
              </li>
            ))}
          </ul>
        )}
        <TextInput
          label={`${t('problem.onset')} (${t('common.optional')})`}
          placeholder={t('problem.onsetHint')}
          value={typed.onset}
          onChange={(event) => setTyped({ ...typed, onset: event.currentTarget.value })}
          error={faults.onset}
          autoComplete="off"
          data-testid="problem-onset"
        />
      </form>
      {save.fault && <RecordFault fault={save.fault} patient={patient} again={submit} compact />}
    </Panel>
  );
}
