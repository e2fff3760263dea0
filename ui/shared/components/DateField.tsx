import { ActionIcon, Popover, TextInput, type TextInputProps } from '@mantine/core';
import { DatePicker } from '@mantine/dates';
import { useState } from 'react';
import { useWords } from '../words/index.ts';
import { IconCalendar } from './icons.ts';

/** A date, typed as `YYYY-MM-DD` or taken from a calendar. */
export function DateField({
  value,
  onChange,
  ...rest
}: Omit<TextInputProps, 'value' | 'onChange' | 'rightSection'> & {
  value: string;
  onChange: (next: string) => void;
}) {
  const { t } = useWords();
  const [open, setOpen] = useState(false);
  const real = /^\d{4}-\d{2}-\d{2}$/.test(value);
  return (
    <TextInput
      {...rest}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      autoComplete="off"
      rightSection={
        <Popover opened={open} onChange={setOpen} trapFocus position="bottom-end" returnFocus>
          <Popover.Target>
            <ActionIcon size={26} aria-label={t('schedule.goTo')} onClick={() => setOpen(!open)}>
              <IconCalendar size={16} />
            </ActionIcon>
          </Popover.Target>
          <Popover.Dropdown aria-label={t('schedule.goTo')}>
            <DatePicker
              value={real ? value : null}
              {...(real ? { defaultDate: value } : {})}
              firstDayOfWeek={1}
              onChange={(next) => {
                if (next) {
                  onChange(next);
                }
                setOpen(false);
              }}
            />
          </Popover.Dropdown>
        </Popover>
      }
    />
  );
}
