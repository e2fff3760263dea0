// When and with whom: the same fields for a booking and for a move.
import { NativeSelect, TextInput } from '@mantine/core';
import type { PractitionerView } from '../../shared/bindings.ts';
import { DateField } from '../../shared/components/DateField.tsx';
import { useWords } from '../../shared/words/index.ts';
import { tidyDate } from '../patients/form.ts';
import { tidyTime } from './slots.ts';
import css from './WhenFields.module.css';

const LENGTHS = [10, 15, 20, 30, 45, 60, 90, 120];

/** What the fields hold. */
export interface When {
  readonly practitioner: string;
  readonly date: string;
  readonly time: string;
  readonly minutes: number;
}

/** Practitioner, date, time and length. */
export function WhenFields({
  value,
  onChange,
  practitioners,
  wrong,
}: {
  value: When;
  onChange: (next: When) => void;
  practitioners: readonly PractitionerView[];
  wrong: Partial<Record<keyof When, string>>;
}) {
  const { t } = useWords();
  const lengths = [...new Set([...LENGTHS, value.minutes])].sort((a, b) => a - b);
  return (
    <>
      <NativeSelect
        label={t('schedule.booking.practitioner')}
        value={value.practitioner}
        onChange={(event) => onChange({ ...value, practitioner: event.currentTarget.value })}
        error={wrong.practitioner}
        data={[
          { value: '', label: '' },
          ...practitioners.map((p) => ({ value: p.id, label: p.name })),
        ]}
        data-testid="booking-practitioner"
      />
      <div className={css.when}>
        <DateField
          label={t('schedule.booking.date')}
          value={value.date}
          onChange={(date) => onChange({ ...value, date })}
          onBlur={() => onChange({ ...value, date: tidyDate(value.date) })}
          error={wrong.date}
          data-testid="booking-date"
        />
        <TextInput
          label={t('schedule.booking.time')}
          value={value.time}
          onChange={(event) => onChange({ ...value, time: event.currentTarget.value })}
          onBlur={() => onChange({ ...value, time: tidyTime(value.time) })}
          placeholder="14:30"
          autoComplete="off"
          error={wrong.time}
          data-testid="booking-time"
        />
        <NativeSelect
          label={t('schedule.booking.minutes')}
          value={String(value.minutes)}
          onChange={(event) => onChange({ ...value, minutes: Number(event.currentTarget.value) })}
          data={lengths.map((count) => ({
            value: String(count),
            label: t('schedule.booking.minutesValue', { count }),
          }))}
          data-testid="booking-minutes"
        />
      </div>
    </>
  );
}
