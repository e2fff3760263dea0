// Registering and editing, beside what the user was looking at. Who might be the same person is
// shown while the name is typed, before a second record exists.
import { Button, SegmentedControl, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { notifications } from '@mantine/notifications';
import { useEffect, useId, useState } from 'react';
import type { LikelyView, PatientForm } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { Findings } from '../../shared/components/Findings.tsx';
import { PersonName } from '../../shared/components/PersonName.tsx';
import { SkeletonRows } from '../../shared/components/SkeletonRows.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { useDebounced } from '../../shared/hooks/use-debounced.ts';
import { useView } from '../../shared/hooks/use-view.ts';
import { faultOf, ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { Panel } from '../frame/Panel.tsx';
import { usePlace } from '../frame/place.tsx';
import { useWorkspace } from '../frame/workspace.tsx';
import { isDate, isPartialDate, NOBODY, tidyDate } from './form.ts';
import css from './PatientFormPanel.module.css';

const SEXES = ['female', 'male', 'other', 'unknown'] as const;

/** What of a form may show that the person is registered already; empty while that is too little. */
function telling(values: PatientForm): string {
  const named = values.family.trim().length > 1 && values.given.trim().length > 1;
  const born = values.family.trim().length > 1 && isDate(values.birthDate);
  const numbered = [values.phone, values.ssn].some((text) => text.replace(/\D/g, '').length >= 7);
  return named || born || numbered || values.mrn.trim().length > 2 ? JSON.stringify(values) : '';
}

interface Search {
  readonly found: readonly LikelyView[];
  readonly failed: boolean;
}

const NOTHING: Search = { found: [], failed: false };

function useLikely(values: PatientForm): Search {
  const [search, setSearch] = useState<Search>(NOTHING);
  const asked = useDebounced(values.id === null ? telling(values) : '', 250);
  useEffect(() => {
    if (asked === '') {
      setSearch(NOTHING);
      return;
    }
    let gone = false;
    const form = JSON.parse(asked) as PatientForm;
    const birthDate = isDate(form.birthDate) ? form.birthDate : '';
    ipc.likelyDuplicates({ ...form, birthDate }).then(
      (found) => !gone && setSearch({ found, failed: false }),
      () => !gone && setSearch({ found: [], failed: true }),
    );
    return () => {
      gone = true;
    };
  }, [asked]);
  return search;
}

function Likely({ search }: { search: Search }) {
  const { t } = useWords();
  const { time, can } = useClinic();
  const { go } = usePlace();
  const { open } = useWorkspace();
  const { found, failed } = search;
  if (failed) {
    return (
      <p className="dim small" role="status">
        {t('same.searchFailed')}
      </p>
    );
  }
  if (found.length === 0) {
    return null;
  }
  const enter = (patient: string) =>
    can('read-chart') ? go({ screen: 'chart', patient }) : open({ kind: 'patient-form', patient });
  return (
    <section className={css.likely} aria-live="polite" data-testid="likely-duplicates">
      <h3>{t('same.shownWhileTyping', { count: found.length })}</h3>
      <p className="small">{t('same.shownHint')}</p>
      <ul>
        {found.map(({ patient, isLikely, findings }) => (
          <li key={patient.id} data-likely={isLikely || undefined} data-testid="likely">
            <div className={css.same}>
              <PersonName name={patient.name} />
              <span className="dim small num">
                {[
                  time.date(patient.birthDate),
                  patient.sex,
                  patient.mrn && `${t('common.mrn')} ${patient.mrn}`,
                  patient.phone,
                ]
                  .filter(Boolean)
                  .join(' · ')}
              </span>
              <span className={`${css.why} small`}>
                <b>{t(isLikely ? 'same.likely' : 'same.possible')}</b>
                <Findings findings={findings} />
              </span>
            </div>
            <Button
              size="xs"
              variant="default"
              onClick={() => enter(patient.id)}
              data-testid="likely-open"
            >
              {t('common.open')}
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Form({ start, draftName }: { start: PatientForm; draftName: string }) {
  const { t } = useWords();
  const { can } = useClinic();
  const { go } = usePlace();
  const { close, drafts, onLeave } = useWorkspace();
  const sexLabel = useId();
  const form = useForm<PatientForm>({
    initialValues: start,
    validate: {
      family: (value) => (value.trim() === '' ? t('patients.form.familyMissing') : null),
      birthDate: (value) => {
        const tidy = tidyDate(value);
        if (!isDate(tidy) && !(start.id !== null && (tidy === '' || isPartialDate(tidy)))) {
          return t('patients.form.birthDateWrong');
        }
        return tidy > new Date().toISOString().slice(0, 10)
          ? t('patients.form.birthDateFuture')
          : null;
      },
      sex: (value) => (value === '' ? t('patients.form.sexMissing') : null),
      ssn: (value) =>
        value.trim() === '' || /^\d{3}-?\d{2}-?\d{4}$/.test(value.trim())
          ? null
          : t('patients.form.ssnWrong'),
      email: (value) =>
        value.trim() === '' || /^\S+@\S+\.\S+$/.test(value.trim())
          ? null
          : t('patients.form.emailWrong'),
    },
  });
  const { values } = form;
  const likely = useLikely(values);
  useEffect(() => {
    drafts.set(draftName, values);
  }, [drafts, draftName, values]);
  useEffect(() => {
    onLeave(null);
  }, [onLeave]);
  const save = useAction(async (filled: PatientForm) => {
    const saved = await ipc.savePatient({
      ...filled,
      given: filled.given.trim(),
      family: filled.family.trim(),
      birthDate: tidyDate(filled.birthDate),
    });
    drafts.delete(draftName);
    close();
    notifications.show({
      message: start.id === null ? t('patients.form.registered') : t('patients.form.saved'),
    });
    const id = saved.reference.split('/')[1];
    if (start.id === null && id && can('read-chart')) {
      go({ screen: 'chart', patient: id });
    }
  });
  const field = (name: keyof PatientForm & string) => {
    const props = form.getInputProps(name);
    return {
      ...props,
      value: String(values[name] ?? ''),
      error: props.error ?? (save.fault?.field === name ? save.fault.what : null),
      'data-testid': `patient-${name}`,
      autoComplete: 'off',
    };
  };
  const submit = form.onSubmit((filled) => save.run(filled));
  return (
    <Panel
      title={start.id === null ? t('patients.form.registerTitle') : t('patients.form.editTitle')}
      testId="patient-form"
      foot={
        <>
          <Button
            type="submit"
            form="patient-form"
            loading={save.running}
            data-testid="patient-submit"
          >
            {start.id === null ? t('patients.form.submitNew') : t('patients.form.submitEdit')}
          </Button>
          <Button
            variant="subtle"
            color="gray"
            onClick={() => {
              drafts.delete(draftName);
              form.reset();
              close();
              drafts.delete(draftName);
            }}
          >
            {t('common.discard')}
          </Button>
        </>
      }
    >
      <form id="patient-form" className={css.form} onSubmit={submit} noValidate>
        <div className={css.two}>
          <TextInput label={t('patients.form.given')} data-autofocus {...field('given')} />
          <TextInput label={t('patients.form.family')} {...field('family')} />
        </div>
        <div className={css.two}>
          <TextInput
            label={t('patients.form.birthDate')}
            placeholder={t('patients.form.birthDateHint')}
            inputMode="numeric"
            {...field('birthDate')}
            onBlur={() => form.setFieldValue('birthDate', tidyDate(values.birthDate))}
          />
          <TextInput
            label={t('patients.form.mrn')}
            placeholder={start.id === null ? t('patients.form.mrnHint') : ''}
            {...field('mrn')}
          />
        </div>
        <div>
          <div id={sexLabel} className={css.label}>
            {t('patients.form.sex')}
          </div>
          <SegmentedControl
            fullWidth
            aria-labelledby={sexLabel}
            value={values.sex}
            onChange={(sex) => form.setFieldValue('sex', sex)}
            data={SEXES.map((sex) => ({ value: sex, label: t(`sex.${sex}`) }))}
            data-testid="patient-sex"
          />
          {form.errors.sex && (
            <p className={css.wrong} role="alert">
              {form.errors.sex}
            </p>
          )}
        </div>
        <Likely search={likely} />
        <h3>{t('patients.form.contact')}</h3>
        <div className={css.two}>
          <TextInput label={t('patients.form.phone')} inputMode="tel" {...field('phone')} />
          <TextInput label={t('patients.form.email')} inputMode="email" {...field('email')} />
        </div>
        <TextInput label={t('patients.form.ssn')} placeholder="900-45-6789" {...field('ssn')} />
        <h3>{t('patients.form.address')}</h3>
        <TextInput label={t('patients.form.street')} {...field('street')} />
        <div className={css.three}>
          <TextInput label={t('patients.form.city')} {...field('city')} />
          <TextInput label={t('patients.form.state')} {...field('state')} />
          <TextInput label={t('patients.form.postalCode')} {...field('postalCode')} />
        </div>
        {save.fault && <FaultNote fault={save.fault} compact />}
      </form>
    </Panel>
  );
}

/** The form for somebody new, or for a patient by id. */
export function PatientFormPanel({ patient }: { patient?: string | undefined }) {
  const { t } = useWords();
  const { drafts } = useWorkspace();
  const draftName = `patient-form.${patient ?? 'new'}`;
  const kept = drafts.get(draftName) as PatientForm | undefined;
  const read = useView({
    key: ['patient-form', patient ?? 'new'],
    read: () => ipc.patientForm(patient ?? ''),
    // A form does not change under the hands of who fills it; a clash is settled when it is saved.
    on: { types: [] },
    enabled: patient !== undefined && !kept,
  });
  const start = kept ?? (patient === undefined ? NOBODY : read.data);
  if (start) {
    return <Form start={start} draftName={draftName} />;
  }
  return (
    <Panel title={t('patients.form.editTitle')}>
      {read.error ? (
        <FaultNote fault={faultOf(read.error)} again={() => read.refetch()} compact />
      ) : (
        <SkeletonRows rows={8} columns={[3, 3]} height={48} />
      )}
    </Panel>
  );
}
