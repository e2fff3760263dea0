import { Button, UnstyledButton } from '@mantine/core';
import type { ChartView, NoteLine } from '../../shared/bindings.ts';
import { Empty } from '../../shared/components/Empty.tsx';
import { StandingMark } from '../../shared/components/Standing.tsx';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { useWorkspace } from '../frame/workspace.tsx';
import css from './Chart.module.css';

/** A signed note in a list; it opens beside the chart. */
export function NoteRow({ line, patient }: { line: NoteLine; patient: string }) {
  const { time } = useClinic();
  const { open } = useWorkspace();
  return (
    <li>
      <UnstyledButton
        className={css.noteRow}
        onClick={() => open({ kind: 'note-read', reference: line.reference, patient })}
        data-testid="note-row"
      >
        <span className={css.when}>{line.signedAt ? time.date(line.signedAt) : ''}</span>
        <span className={css.what}>
          <span className={css.noteTitle}>
            {line.title}
            {line.author && <span className="dim small"> · {line.author}</span>}{' '}
            <StandingMark standing={line.standing} />
          </span>
          <span className="dim small one-line">{line.preview}</span>
        </span>
      </UnstyledButton>
    </li>
  );
}

/** Signed notes, and the draft under way before them. */
export function NotesTab({ chart }: { chart: ChartView }) {
  const { t } = useWords();
  const { can } = useClinic();
  const { open } = useWorkspace();
  const patient = chart.patient.id;
  const write = () => open({ kind: 'note', patient });
  return (
    <div className={css.summary}>
      {chart.draft !== null && (
        <div className={css.draft}>
          <StandingMark standing="draft" />
          <span className={css.what}>{t('chart.draftHere')}</span>
          <Button size="xs" variant="default" onClick={write}>
            {t('chart.act.continueNote')}
          </Button>
        </div>
      )}
      {chart.notes.length === 0 ? (
        <Empty title={t('chart.noNotes')} hint={t('chart.noNotesHint')}>
          {can('write-chart') && chart.draft === null && (
            <Button onClick={write}>{t('chart.noNotesAct')}</Button>
          )}
        </Empty>
      ) : (
        <ul className={css.rows} data-testid="note-list">
          {chart.notes.map((line) => (
            <NoteRow key={line.reference} line={line} patient={patient} />
          ))}
        </ul>
      )}
    </div>
  );
}
