// Filtering by a person: by one whom the rows read so far have named, or by an id.
import { ActionIcon, TextInput } from '@mantine/core';
import { useId, useState } from 'react';
import { IconX } from '../../shared/components/icons.ts';
import { useWords } from '../../shared/words/index.ts';
import type { Seen } from './asked.ts';
import css from './SeenField.module.css';

const MOST = 8;
/** An id as FHIR writes it. */
const ID = /^[A-Za-z0-9\-.]{1,64}$/;

/** Those whose name or id has a word that begins so; at last what was typed, if it may be an id. */
export function offered(seen: readonly Seen[], typed: string): readonly Seen[] {
  const parts = typed.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const found = seen
    .filter((one) => {
      const words = `${one.name ?? ''} ${one.id}`.toLocaleLowerCase().split(/\s+/);
      return parts.every((part) => words.some((word) => word.startsWith(part)));
    })
    .slice(0, MOST);
  const id = typed.trim();
  return ID.test(id) && !seen.some((one) => one.id === id) ? [...found, { id, name: null }] : found;
}

/** The field, with the list under it while it has the focus. */
export function SeenField({
  label,
  placeholder,
  value,
  seen,
  onChange,
  testId,
}: {
  label: string;
  placeholder: string;
  value: Seen | null;
  seen: readonly Seen[];
  onChange: (next: Seen | null) => void;
  testId: string;
}) {
  const { t } = useWords();
  const id = useId();
  const [typed, setTyped] = useState('');
  const [open, setOpen] = useState(false);
  const [chosen, setChosen] = useState(0);
  const choices = open ? offered(seen, typed) : [];
  const at = Math.min(chosen, choices.length - 1);
  const name = (one: Seen) => one.name ?? t('audit.byId', { id: one.id });
  const take = (one: Seen | null) => {
    setTyped('');
    setOpen(false);
    onChange(one);
  };
  return (
    <div className={css.field}>
      <TextInput
        label={label}
        placeholder={placeholder}
        value={open || value === null ? typed : name(value)}
        onChange={(event) => {
          setTyped(event.currentTarget.value);
          setChosen(0);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => {
          setOpen(false);
          setTyped('');
        }}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown') {
            setOpen(true);
            setChosen(Math.min(choices.length - 1, at + 1));
          } else if (event.key === 'ArrowUp') {
            setChosen(Math.max(0, at - 1));
          } else if (event.key === 'Enter') {
            take(choices[at] ?? value);
          } else if (event.key === 'Escape' && open) {
            setOpen(false);
            setTyped('');
          } else {
            return;
          }
          event.preventDefault();
        }}
        role="combobox"
        aria-expanded={choices.length > 0}
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={choices[at] ? `${id}-${at}` : undefined}
        autoComplete="off"
        spellCheck={false}
        data-testid={testId}
        {...(value === null
          ? {}
          : {
              rightSection: (
                <ActionIcon
                  size={22}
                  aria-label={t('audit.clearOne', { what: label })}
                  onClick={() => take(null)}
                >
                  <IconX size={14} />
                </ActionIcon>
              ),
            })}
      />
      {open && (
        <div className={css.list}>
          {choices.length > 0 && (
            <div role="listbox" id={id} aria-label={label}>
              {choices.map((one, index) => (
                // biome-ignore lint/a11y/useFocusableInteractive lint/a11y/useKeyWithClickEvents: the field holds the focus and points here
                <div
                  key={one.id}
                  id={`${id}-${index}`}
                  role="option"
                  aria-selected={index === at}
                  className={css.option}
                  onMouseDown={(event) => event.preventDefault()}
                  onClick={() => take(one)}
                  data-testid={`${testId}-option`}
                >
                  <bdi className="one-line">{name(one)}</bdi>
                </div>
              ))}
            </div>
          )}
          <p className={css.hint}>{t('audit.seenHint')}</p>
        </div>
      )}
    </div>
  );
}
