// The one search: patients by any part of what tells them apart, and commands by verb. A field
// that points at its list (combobox and listbox), so a screen reader hears each choice.
import { Kbd, Modal } from '@mantine/core';
import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import type { PatientRow } from '../../shared/bindings.ts';
import { IconSearch, IconUser } from '../../shared/components/icons.ts';
import { StandingMark } from '../../shared/components/Standing.tsx';
import { useDebounced } from '../../shared/hooks/use-debounced.ts';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from './clinic.tsx';
import { useCommands } from './commands.tsx';
import css from './Finder.module.css';
import { showOverlay, useOverlay } from './overlays.ts';
import { usePlace } from './place.tsx';
import { useWorkspace } from './workspace.tsx';

const MOST = 7;

interface Found {
  readonly query: string;
  readonly rows: readonly PatientRow[];
}

function usePatients(typed: string): Found {
  // Who has no patients does not ask for any: it would be refused, and recorded as refused.
  const { screens } = useClinic();
  const query = screens.includes('patients') ? typed : '';
  const rested = useDebounced(query, 90);
  const [found, setFound] = useState<Found>({ query: '', rows: [] });
  useEffect(() => {
    if (rested === '') {
      setFound({ query: '', rows: [] });
      return;
    }
    let gone = false;
    ipc.findPatients(rested, MOST).then(
      (page) => !gone && setFound({ query: rested, rows: page.rows }),
      () => !gone && setFound({ query: rested, rows: [] }),
    );
    return () => {
      gone = true;
    };
  }, [rested]);
  return query === '' ? { query: '', rows: [] } : found;
}

interface Choice {
  readonly id: string;
  readonly group: 'patients' | 'commands';
  readonly icon: ReactNode;
  readonly title: ReactNode;
  readonly detail?: string | undefined;
  readonly keys?: string | undefined;
  readonly run: () => void;
}

function useChoices(query: string): { choices: readonly Choice[]; settled: boolean } {
  const { t } = useWords();
  const { time, can, screens } = useClinic();
  const { go } = usePlace();
  const { open } = useWorkspace();
  const patients = usePatients(query);
  const commands = useCommands(query);
  // With letters typed, patients first: that is what the search is for.
  const choices: Choice[] = patients.rows.map((row) => ({
    id: `patient-${row.id}`,
    group: 'patients',
    icon: <IconUser size={16} />,
    title: (
      <>
        <bdi>{row.name}</bdi> <StandingMark standing={row.standing} />
      </>
    ),
    detail: [
      row.birthDate && time.date(row.birthDate),
      row.age,
      row.sex,
      row.mrn && `${t('common.mrn')} ${row.mrn}`,
      row.replacedBy && t('same.mergedInto', { name: row.replacedBy.name }),
    ]
      .filter(Boolean)
      .join(' · '),
    run: () =>
      can('read-chart')
        ? go({ screen: 'chart', patient: row.id })
        : open({ kind: 'patient-form', patient: row.replacedBy?.id ?? row.id }),
  }));
  for (const command of commands) {
    choices.push({
      id: command.id,
      group: 'commands',
      icon: command.icon,
      title: command.title,
      keys: command.keys,
      run: command.run,
    });
  }
  return { choices, settled: patients.query === query || !screens.includes('patients') };
}

function Search({ close }: { close: () => void }) {
  const { t } = useWords();
  const { screens } = useClinic();
  const [typed, setTyped] = useState('');
  const { choices, settled } = useChoices(typed.trim());
  const [chosen, setChosen] = useState(0);
  /** Enter came before the answer: it opens the first hit when the answer is there. */
  const [entered, setEntered] = useState(false);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const at = Math.min(chosen, choices.length - 1);
  const run = (choice: Choice | undefined) => {
    if (choice) {
      close();
      choice.run();
    }
  };
  useEffect(() => {
    if (entered && settled) {
      setEntered(false);
      const first = choices[0];
      if (first) {
        close();
        first.run();
      }
    }
  }, [entered, settled, choices, close]);
  useEffect(() => {
    list.current?.querySelector(`[data-at="${at}"]`)?.scrollIntoView({ block: 'nearest' });
  }, [at]);
  const press = (event: React.KeyboardEvent) => {
    if (event.nativeEvent.isComposing) {
      return;
    }
    const last = choices.length - 1;
    if (event.key === 'ArrowDown') {
      setChosen(at >= last ? 0 : at + 1);
    } else if (event.key === 'ArrowUp') {
      setChosen(at <= 0 ? last : at - 1);
    } else if (event.key === 'Enter') {
      if (settled) {
        run(choices[at]);
      } else {
        setEntered(true);
      }
    } else {
      return;
    }
    event.preventDefault();
  };
  const groups = (['patients', 'commands'] as const).map((group) => ({
    group,
    members: choices
      .map((choice, index) => ({ choice, index }))
      .filter((m) => m.choice.group === group),
  }));
  return (
    <>
      <div className={css.query}>
        <IconSearch size={18} aria-hidden />
        <input
          value={typed}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            setChosen(0);
            setEntered(false);
          }}
          onKeyDown={press}
          placeholder={t(
            screens.includes('patients') ? 'find.placeholder' : 'find.placeholderCommands',
          )}
          aria-label={t('bar.search')}
          role="combobox"
          aria-expanded={choices.length > 0}
          aria-controls={id}
          aria-activedescendant={choices[at] ? `${id}-${at}` : undefined}
          aria-autocomplete="list"
          autoComplete="off"
          spellCheck={false}
          data-autofocus
          data-testid="find-query"
        />
      </div>
      <div ref={list} id={id} role="listbox" aria-label={t('bar.search')} className={css.list}>
        {groups.map(
          ({ group, members }) =>
            members.length > 0 && (
              // biome-ignore lint/a11y/useSemanticElements: options of a listbox, not fields of a form
              <div key={group} role="group" aria-label={t(`find.${group}`)}>
                <div className={css.group} aria-hidden>
                  {t(`find.${group}`)}
                </div>
                {members.map(({ choice, index }) => (
                  // biome-ignore lint/a11y/useFocusableInteractive lint/a11y/useKeyWithClickEvents: as above
                  <div
                    key={choice.id}
                    id={`${id}-${index}`}
                    role="option"
                    aria-selected={index === at}
                    data-at={index}
                    className={css.choice}
                    onClick={() => run(choice)}
                    onMouseMove={() => index !== at && setChosen(index)}
                    data-testid={group === 'patients' ? 'find-patient' : `find-${choice.id}`}
                  >
                    <span className={css.icon} aria-hidden>
                      {choice.icon}
                    </span>
                    <span className={`${css.title} one-line`}>{choice.title}</span>
                    {choice.detail && <span className={`${css.detail} num`}>{choice.detail}</span>}
                    {choice.keys && <Kbd size="xs">{choice.keys}</Kbd>}
                  </div>
                ))}
              </div>
            ),
        )}
      </div>
      {choices.length === 0 && (
        <p className={css.nothing} role="status">
          {settled ? t('find.nothing') : ''}
        </p>
      )}
      <p className={css.foot}>{t('find.hint')}</p>
    </>
  );
}

/** The search that opens with Ctrl+K over everything. */
export function Finder() {
  const { t } = useWords();
  const open = useOverlay() === 'find';
  const close = () => showOverlay(null);
  return (
    <Modal
      opened={open}
      onClose={close}
      withCloseButton={false}
      centered={false}
      yOffset="12vh"
      size={620}
      padding={0}
      radius={10}
      overlayProps={{ backgroundOpacity: 0.3 }}
      attributes={{ content: { 'aria-label': t('bar.search') } }}
    >
      <Search close={close} />
    </Modal>
  );
}
