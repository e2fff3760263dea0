import { Button, Radio, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import type { ProblemChange, ProblemStatus } from '../../shared/bindings.ts';
import { SkeletonRows } from '../../shared/components/SkeletonRows.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { useView } from '../../shared/hooks/use-view.ts';
import { faultOf, ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { RecordFault } from '../access/ClosedRecord.tsx';
import { useClinic } from '../frame/clinic.tsx';
import { Panel } from '../frame/Panel.tsx';
import { useKept, useWorkspace } from '../frame/workspace.tsx';
import css from './Forms.module.css';
import { isDay } from './problem-days.ts';

const STATUSES: readonly ProblemStatus[] = ['active', 'inactive', 'resolved', 'entered-in-error'];

function Form({ start }: { start: ProblemChange }) {
  const { t } = useWords();
  const { time } = useClinic();
  const { close } = useWorkspace();
  const [form, setForm] = useKept(`problem-change ${start.reference} ${start.version}`, start);
  const [faults, setFaults] = useState<{ onset?: string; ended?: string }>({});
  const save = useAction(ipc.changeProblem);
  const onset = (form.onset ?? '').trim();
  const ended = form.status === 'resolved' ? (form.ended ?? '').trim() : '';
  const same =
    form.status === start.status &&
    onset === (start.onset ?? '') &&
    ended === (start.status === 'resolved' ? (start.ended ?? '') : '');

  const wrong = (day: string): string | undefined => {
    if (day === '') {
      return undefined;
    }
    if (!isDay(day)) {
      return t('problem.onsetWrong');
    }
    return day > time.dayOf(new Date()) ? t('problem.onsetFuture') : undefined;
  };

  const submit = async () => {
    const found: { onset?: string; ended?: string } = {};
    const [early, late] = [wrong(onset), wrong(ended)];
    if (early) {
      found.onset = early;
    }
    if (late) {
      found.ended = late;
    } else if (onset !== '' && ended !== '' && ended < onset) {
      found.ended = t('problem.endedBefore');
    }
    setFaults(found);
    if (found.onset || found.ended) {
      return;
    }
    const saved = await save.run({
      ...form,
      onset: onset === '' ? null : onset,
      ended: ended === '' ? null : ended,
    });
    if (saved) {
      setForm(start);
      notifications.show({ message: t('problem.changed') });
      close();
    }
  };

  return (
    <Panel
      title={t('problem.changeTitle')}
      testId="problem-change-panel"
      foot={
        <Button
          type="submit"
          form="problem-change-form"
          loading={save.running}
          disabled={same}
          data-testid="problem-change-save"
        >
          {t('problem.changeSave')}
        </Button>
      }
    >
      <form
        id="problem-change-form"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
        className={css.form}
        noValidate
      >
        <p className={css.subject} data-testid="problem-change-text">
          <bdi>{form.text}</bdi>
        </p>
        <Radio.Group
          label={t('problem.status')}
          value={form.status}
          onChange={(status) => setForm({ ...form, status: status as ProblemStatus })}
        >
          <div className={css.choices}>
            {STATUSES.map((status) => (
              <Radio
                key={status}
                value={status}
                label={t(`problem.statuses.${status}`)}
                description={t(`problem.statusHints.${status}`)}
                data-testid={`problem-status-${status}`}
                data-autofocus={status === form.status || undefined}
              />
            ))}
          </div>
        </Radio.Group>
        {form.status === 'resolved' && (
          <TextInput
            label={`${t('problem.ended')} (${t('common.optional')})`}
            placeholder={t('problem.onsetHint')}
            value={form.ended ?? ''}
            onChange={(event) => setForm({ ...form, ended: event.currentTarget.value })}
            error={faults.ended}
            autoComplete="off"
            data-testid="problem-ended"
          />
        )}
        <TextInput
          label={`${t('problem.onset')} (${t('common.optional')})`}
          placeholder={t('problem.onsetHint')}
          value={form.onset ?? ''}
          onChange={(event) => setForm({ ...form, onset: event.currentTarget.value })}
          error={faults.onset}
          autoComplete="off"
          data-testid="problem-change-onset"
        />
        <p className="dim small">{t('problem.nameStays')}</p>
      </form>
      {save.fault && (
        <RecordFault fault={save.fault} patient={start.patient} again={submit} compact />
      )}
    </Panel>
  );
}

/** Where a problem stands, since when and until when. */
export default function ProblemChangePanel({
  reference,
  patient,
}: {
  reference: string;
  patient: string;
}) {
  const { t } = useWords();
  // Read once: what was typed is compared with what the form was opened with.
  const found = useView({
    key: ['problem-form', reference],
    read: () => ipc.problemForm(reference),
    on: { types: [] },
  });
  if (found.data) {
    return <Form start={found.data} />;
  }
  return (
    <Panel title={t('problem.changeTitle')} testId="problem-change-panel">
      {found.error ? (
        <RecordFault fault={faultOf(found.error)} patient={patient} again={found.refetch} />
      ) : (
        <SkeletonRows rows={4} />
      )}
    </Panel>
  );
}
