// The one search: patients by any part of what tells them apart, and commands by verb.
import { Spotlight, spotlight } from '@mantine/spotlight';
import { type ReactNode, useEffect, useState } from 'react';
import type { PatientRow } from '../../shared/bindings.ts';
import { IconSearch, IconUser } from '../../shared/components/icons.ts';
import { useDebounced } from '../../shared/hooks/use-debounced.ts';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from './clinic.tsx';
import { useCommands } from './commands.tsx';
import css from './Finder.module.css';
import { usePlace } from './place.tsx';

const MOST = 7;

function usePatients(query: string): readonly PatientRow[] {
  const rested = useDebounced(query.trim(), 90);
  const [rows, setRows] = useState<readonly PatientRow[]>([]);
  useEffect(() => {
    if (rested === '') {
      setRows([]);
      return;
    }
    let gone = false;
    ipc.findPatients(rested, MOST).then(
      (page) => !gone && setRows(page.rows),
      () => !gone && setRows([]),
    );
    return () => {
      gone = true;
    };
  }, [rested]);
  return query.trim() === '' ? [] : rows;
}

function Line({ icon, title, detail }: { icon: ReactNode; title: ReactNode; detail?: string }) {
  return (
    <span className={css.line}>
      <span className={css.icon} aria-hidden>
        {icon}
      </span>
      <span className={`${css.title} one-line`}>{title}</span>
      {detail && <span className={css.detail}>{detail}</span>}
    </span>
  );
}

/** The search that opens with Ctrl+K over everything. */
export function Finder() {
  const { t } = useWords();
  const { time } = useClinic();
  const { go } = usePlace();
  const [query, setQuery] = useState('');
  const patients = usePatients(query);
  const commands = useCommands(query);
  // With letters typed, patients first: that is what the search is for. Without, commands.
  return (
    <Spotlight.Root
      query={query}
      onQueryChange={setQuery}
      shortcut={null}
      clearQueryOnClose
      maxHeight={460}
      size={600}
      radius={8}
      transitionProps={{ duration: 80 }}
      overlayProps={{ backgroundOpacity: 0.3 }}
      classNames={{ action: css.action, actionsGroup: css.group, search: css.search }}
    >
      <Spotlight.Search
        placeholder={t('find.placeholder')}
        aria-label={t('bar.search')}
        leftSection={<IconSearch size={18} aria-hidden />}
        data-testid="find-query"
      />
      <Spotlight.ActionsList>
        {patients.length > 0 && (
          <Spotlight.ActionsGroup label={t('find.patients')}>
            {patients.map((row) => (
              <Spotlight.Action
                key={row.id}
                onClick={() => {
                  spotlight.close();
                  go({ screen: 'chart', patient: row.id });
                }}
                data-testid="find-patient"
              >
                <Line
                  icon={<IconUser size={16} />}
                  title={<bdi>{row.name}</bdi>}
                  detail={[
                    row.birthDate && time.date(row.birthDate),
                    row.age,
                    row.sex,
                    row.mrn && `${t('common.mrn')} ${row.mrn}`,
                  ]
                    .filter(Boolean)
                    .join(' · ')}
                />
              </Spotlight.Action>
            ))}
          </Spotlight.ActionsGroup>
        )}
        {commands.length > 0 && (
          <Spotlight.ActionsGroup label={t('find.commands')}>
            {commands.map((command) => (
              <Spotlight.Action
                key={command.id}
                onClick={() => {
                  spotlight.close();
                  command.run();
                }}
                data-testid={`find-${command.id}`}
              >
                <Line
                  icon={command.icon}
                  title={command.title}
                  {...(command.keys ? { detail: command.keys } : {})}
                />
              </Spotlight.Action>
            ))}
          </Spotlight.ActionsGroup>
        )}
        {patients.length === 0 && commands.length === 0 && (
          <Spotlight.Empty>{t('find.nothing')}</Spotlight.Empty>
        )}
      </Spotlight.ActionsList>
      <Spotlight.Footer className={css.foot}>{t('find.hint')}</Spotlight.Footer>
    </Spotlight.Root>
  );
}
