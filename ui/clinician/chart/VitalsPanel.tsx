import { Button, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { RecordFault } from '../access/ClosedRecord.tsx';
import { Panel } from '../frame/Panel.tsx';
import { useKept, useWorkspace } from '../frame/workspace.tsx';
import css from './Forms.module.css';
import {
  bodyMassIndex,
  checkVitals,
  VITALS,
  type VitalsFault,
  type VitalsField,
  type VitalsTyped,
} from './vitals-check.ts';

const NOTHING: VitalsTyped = {
  systolic: '',
  diastolic: '',
  heartRate: '',
  respiratoryRate: '',
  temperature: '',
  oxygenSaturation: '',
  weight: '',
  height: '',
};

/** A set of vital signs, typed from left to right as they are measured. */
export default function VitalsPanel({ patient }: { patient: string }) {
  const { t } = useWords();
  const { close } = useWorkspace();
  const [typed, setTyped] = useKept<VitalsTyped>(`vitals ${patient}`, NOTHING);
  const [faults, setFaults] = useState<Partial<Record<VitalsField, VitalsFault>>>({});
  const save = useAction(ipc.addVitals);
  const bmi = bodyMassIndex(typed);

  const submit = async () => {
    const checked = checkVitals(patient, typed);
    if ('faults' in checked) {
      setFaults(checked.faults);
      return;
    }
    setFaults({});
    if (await save.run(checked.form)) {
      setTyped(NOTHING);
      notifications.show({ message: t('vitals.saved') });
      close();
    }
  };

  const field = (name: VitalsField) => {
    const bounds = VITALS[name];
    const fault = faults[name];
    return (
      <TextInput
        key={name}
        label={t(`vitals.${name}`)}
        value={typed[name]}
        onChange={(event) => setTyped({ ...typed, [name]: event.currentTarget.value })}
        error={fault && t(`vitals.${fault}`, { ...bounds })}
        rightSection={<span className={css.unit}>{bounds.unit}</span>}
        rightSectionWidth={56}
        inputMode="decimal"
        autoComplete="off"
        data-testid={`vitals-${name}`}
        {...(name === 'systolic' ? { 'data-autofocus': true } : {})}
      />
    );
  };

  return (
    <Panel
      title={t('vitals.title')}
      aside={t('vitals.lead')}
      testId="vitals-panel"
      foot={
        <Button type="submit" form="vitals-form" loading={save.running} data-testid="vitals-save">
          {t('vitals.save')}
        </Button>
      }
    >
      <form
        id="vitals-form"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
        className={css.form}
        noValidate
      >
        <div className={css.pair}>
          {field('systolic')}
          {field('diastolic')}
        </div>
        <div className={css.pair}>
          {field('heartRate')}
          {field('respiratoryRate')}
        </div>
        <div className={css.pair}>
          {field('temperature')}
          {field('oxygenSaturation')}
        </div>
        <div className={css.pair}>
          {field('weight')}
          {field('height')}
        </div>
        {bmi !== null && <p className="dim small">{t('vitals.bmi', { value: bmi })}</p>}
      </form>
      {save.fault && <RecordFault fault={save.fault} patient={patient} again={submit} compact />}
    </Panel>
  );
}
