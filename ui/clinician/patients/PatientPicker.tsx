// Choosing a patient inside a form: a field that finds as letters come, a list under it.
import { Button, TextInput } from '@mantine/core';
import { type Ref, useEffect, useId, useState } from 'react';
import type { PatientRow } from '../../shared/bindings.ts';
import { IconSearch } from '../../shared/components/icons.ts';
import { PersonName } from '../../shared/components/PersonName.tsx';
import { useDebounced } from '../../shared/hooks/use-debounced.ts';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import css from './PatientPicker.module.css';

const MOST = 6;

/** What a form needs of a patient. */
export type Picked = Pick<PatientRow, 'id' | 'name' | 'birthDate' | 'age' | 'sex' | 'mrn'> &
  Partial<Pick<PatientRow, 'replacedBy'>>;

function Identity({ row }: { row: Picked }) {
  const { t } = useWords();
  const { time } = useClinic();
  return (
    <span className={css.identity}>
      <PersonName name={row.name} className={css.name} />
      <span className="dim small num">
        {[
          row.birthDate && time.date(row.birthDate),
          row.age,
          row.sex,
          row.mrn && `${t('common.mrn')} ${row.mrn}`,
          row.replacedBy && t('same.mergedInto', { name: row.replacedBy.name }),
        ]
          .filter(Boolean)
          .join(' · ')}
      </span>
    </span>
  );
}

/** The chosen patient with a way to change, or the field to find one. */
export function PatientPicker({
  label,
  value,
  onChange,
  error,
  ref,
}: {
  label: string;
  value: Picked | null;
  onChange: (next: Picked | null) => void;
  error?: string | null;
  ref?: Ref<HTMLInputElement>;
}) {
  const { t } = useWords();
  const [query, setQuery] = useState('');
  const asked = useDebounced(query.trim(), 120);
  const [rows, setRows] = useState<readonly PatientRow[]>([]);
  const [chosen, setChosen] = useState(0);
  const [instead, setInstead] = useState(false);
  const id = useId();
  useEffect(() => {
    if (asked === '') {
      setRows([]);
      return;
    }
    let gone = false;
    ipc.findPatients(asked, MOST).then(
      (page) => {
        if (!gone) {
          setRows(page.rows);
          setChosen(0);
        }
      },
      () => !gone && setRows([]),
    );
    return () => {
      gone = true;
    };
  }, [asked]);
  if (value) {
    return (
      <div>
        <div className={css.label} id={id}>
          {label}
        </div>
        {/* biome-ignore lint/a11y/useSemanticElements: a value and its button, not a form of its own */}
        <div className={css.picked} role="group" aria-labelledby={id} data-testid="picked-patient">
          <Identity row={value} />
          <Button
            size="xs"
            variant="default"
            onClick={() => {
              setQuery('');
              setInstead(false);
              onChange(null);
            }}
          >
            {t('schedule.booking.changePatient')}
          </Button>
        </div>
        {instead && (
          <p className="small" role="status" data-testid="picked-instead">
            {t('same.books', { name: value.name })}
          </p>
        )}
      </div>
    );
  }
  const shown = query.trim() === '' ? [] : rows;
  const pick = (row: PatientRow | undefined) => {
    if (!row) {
      return;
    }
    // Found by a record that was merged: the one that stands for it is listed before it.
    const survivor = rows.find((one) => one.id === row.replacedBy?.id);
    setInstead(survivor !== undefined);
    onChange(survivor ?? row);
  };
  return (
    <div className={css.picker}>
      <TextInput
        ref={ref}
        label={label}
        placeholder={t('schedule.booking.patientSearch')}
        leftSection={<IconSearch size={16} aria-hidden />}
        value={query}
        error={error}
        onChange={(event) => setQuery(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') {
            setChosen(Math.min(shown.length - 1, chosen + 1));
          } else if (event.key === 'ArrowUp') {
            setChosen(Math.max(0, chosen - 1));
          } else if (event.key === 'Enter') {
            pick(query.trim() === asked ? shown[chosen] : undefined);
          } else if (event.key === 'Escape' && shown.length > 0) {
            setQuery('');
          } else {
            return;
          }
          event.preventDefault();
        }}
        role="combobox"
        aria-expanded={shown.length > 0}
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={shown[chosen] ? `${id}-${shown[chosen].id}` : undefined}
        autoComplete="off"
        spellCheck={false}
        data-testid="pick-patient"
      />
      {shown.length > 0 && (
        <div role="listbox" id={id} aria-label={label} className={css.list}>
          {shown.map((row, index) => (
            // biome-ignore lint/a11y/useFocusableInteractive lint/a11y/useKeyWithClickEvents: the field holds the focus and points here
            <div
              key={row.id}
              id={`${id}-${row.id}`}
              role="option"
              aria-selected={index === chosen}
              className={css.option}
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => pick(row)}
              data-testid="pick-patient-option"
            >
              <Identity row={row} />
            </div>
          ))}
        </div>
      )}
    </div>
  );
}
