// Finding a patient: letters in the field, arrows choose, Enter opens. The field keeps the
// focus all the while, so the next patient is one keystroke away. The rows are a
// grid whose active row the field points at (aria-activedescendant) and take no focus of their
// own, which is why biome.json exempts this file from four lints.
import { Button, TextInput } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useId, useRef, useState } from 'react';
import type { PatientRow } from '../../shared/bindings.ts';
import { Empty } from '../../shared/components/Empty.tsx';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { IconSearch, IconUserPlus } from '../../shared/components/icons.ts';
import { Page } from '../../shared/components/Page.tsx';
import { PersonName } from '../../shared/components/PersonName.tsx';
import { SkeletonRows } from '../../shared/components/SkeletonRows.tsx';
import { StandingMark } from '../../shared/components/Standing.tsx';
import { useDebounced } from '../../shared/hooks/use-debounced.ts';
import { useView } from '../../shared/hooks/use-view.ts';
import { faultOf, ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { usePlace } from '../frame/place.tsx';
import { useKept, useWorkspace } from '../frame/workspace.tsx';
import css from './PatientsScreen.module.css';

const MOST = 200;
const ROW = 36;
const ON = { types: ['Patient', 'Encounter'] };

/** How many hits, said only once they are there. */
function useCount(rows: readonly PatientRow[], more: boolean, query: string): string {
  const { t } = useWords();
  if (rows.length === 0) {
    return '';
  }
  if (query === '') {
    return t('patients.recent');
  }
  return more
    ? t('patients.foundMore', { count: rows.length })
    : t('patients.found', { count: rows.length });
}

/** The Patients screen. */
export function PatientsScreen() {
  const { t } = useWords();
  const { time, can } = useClinic();
  const { go } = usePlace();
  const { open } = useWorkspace();
  const [query, setQuery] = useKept('patients.query', '');
  const asked = useDebounced(query.trim(), 120);
  const found = useView({
    key: ['patients', asked],
    read: () => ipc.findPatients(asked, MOST),
    on: ON,
    keepLast: true,
  });
  const rows = found.data?.rows ?? [];
  const [chosen, setChosen] = useState(0);
  const scroll = useRef<HTMLDivElement>(null);
  const grid = useId();
  const count = useCount(rows, found.data?.more ?? false, asked);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW,
    overscan: 12,
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: other hits, so the first is chosen
  useEffect(() => {
    setChosen(0);
    scroll.current?.scrollTo({ top: 0 });
  }, [asked]);

  const enter = (row: PatientRow | undefined) => {
    if (!row) {
      return;
    }
    if (can('read-chart')) {
      go({ screen: 'chart', patient: row.id });
    } else if (can('edit-patients')) {
      // Nobody corrects a record that was merged without meaning to.
      open({ kind: 'patient-form', patient: row.replacedBy?.id ?? row.id });
    }
  };
  // What the field holds and what is listed may differ for a moment; Enter waits for it.
  const [entered, setEntered] = useState(false);
  const settled = query.trim() === asked && !found.isPlaceholderData && !found.isPending;
  // biome-ignore lint/correctness/useExhaustiveDependencies: acts once, when Enter meets its answer
  useEffect(() => {
    if (entered && settled) {
      setEntered(false);
      enter(rows[chosen]);
    }
  }, [entered, settled]);
  const choose = (to: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, to));
    setChosen(next);
    virtual.scrollToIndex(next);
  };
  const press = (event: React.KeyboardEvent) => {
    const page = Math.max(1, Math.floor((scroll.current?.clientHeight ?? ROW) / ROW) - 1);
    const steps = new Map<string, () => void>([
      ['ArrowDown', () => choose(chosen + 1)],
      ['ArrowUp', () => choose(chosen - 1)],
      ['PageDown', () => choose(chosen + page)],
      ['PageUp', () => choose(chosen - page)],
      ['Enter', () => setEntered(true)],
    ]);
    const step = steps.get(event.key);
    if (step) {
      event.preventDefault();
      step();
    } else if (event.key === 'Escape' && query !== '') {
      event.preventDefault();
      setQuery('');
    }
  };

  return (
    <Page
      title={t('patients.title')}
      fixed
      testId="patients"
      actions={
        can('edit-patients') && (
          <Button
            leftSection={<IconUserPlus size={16} aria-hidden />}
            onClick={() => open({ kind: 'patient-form' })}
            data-new
            data-testid="register-patient"
          >
            {t('patients.register')}
          </Button>
        )
      }
    >
      <div className={css.find}>
        <TextInput
          className={css.field}
          aria-label={t('patients.search')}
          placeholder={t('patients.search')}
          leftSection={<IconSearch size={16} aria-hidden />}
          value={query}
          onChange={(event) => setQuery(event.currentTarget.value)}
          onKeyDown={press}
          autoComplete="off"
          spellCheck={false}
          role="combobox"
          aria-expanded={rows.length > 0}
          aria-haspopup="grid"
          aria-controls={grid}
          aria-activedescendant={rows[chosen] ? `${grid}-${rows[chosen].id}` : undefined}
          data-stays-open
          data-autofocus
          data-search
          data-testid="patient-search"
        />
        <span className="dim" role="status">
          {count}
        </span>
      </div>
      <div className={css.table}>
        {found.error && !found.data && (
          <div className={css.pad}>
            <FaultNote fault={faultOf(found.error)} again={() => found.refetch()} />
          </div>
        )}
        {!found.data && !found.error && (
          <SkeletonRows rows={12} columns={[4, 2, 1, 1, 2, 2, 2]} height={ROW} />
        )}
        {found.data && rows.length === 0 && (
          <Empty
            title={asked === '' ? t('patients.empty') : t('patients.none', { query: asked })}
            hint={asked === '' ? t('patients.emptyHint') : t('patients.noneHint')}
          />
        )}
        {rows.length > 0 && (
          <div
            role="grid"
            id={grid}
            aria-label={t('patients.title')}
            aria-rowcount={rows.length + 1}
            className={css.grid}
          >
            <div role="row" aria-rowindex={1} className={css.head}>
              {(['name', 'birthDate', 'age', 'sex', 'mrn', 'phone', 'lastSeen'] as const).map(
                (column) => (
                  <span role="columnheader" key={column} className={css[column]}>
                    {t(`patients.columns.${column}`)}
                  </span>
                ),
              )}
            </div>
            <div
              ref={scroll}
              className={css.scroll}
              role="rowgroup"
              tabIndex={0}
              onKeyDown={press}
              data-dimmed={found.isPlaceholderData || undefined}
            >
              <div
                style={{ height: virtual.getTotalSize(), position: 'relative' }}
                role="presentation"
              >
                {virtual.getVirtualItems().map((item) => {
                  const row = rows[item.index];
                  return (
                    row && (
                      <div
                        key={row.id}
                        role="row"
                        id={`${grid}-${row.id}`}
                        aria-rowindex={item.index + 2}
                        aria-selected={item.index === chosen}
                        className={css.row}
                        style={{ height: ROW, transform: `translateY(${item.start}px)` }}
                        onClick={() => enter(row)}
                        onMouseMove={() => item.index !== chosen && setChosen(item.index)}
                        data-testid="patient-row"
                        data-patient={row.id}
                      >
                        <span role="gridcell" className={css.name}>
                          <PersonName name={row.name} />
                          {row.replacedBy && (
                            <bdi className={`${css.merged} one-line`} data-testid="merged-into">
                              {t('same.mergedInto', { name: row.replacedBy.name })}
                            </bdi>
                          )}
                          {row.standing !== 'confirmed' && <StandingMark standing={row.standing} />}
                        </span>
                        <span role="gridcell" className={`${css.birthDate} num`}>
                          {time.date(row.birthDate)}
                        </span>
                        <span role="gridcell" className={`${css.age} num`}>
                          {row.age}
                        </span>
                        <span role="gridcell" className={css.sex}>
                          {row.sex}
                        </span>
                        <span role="gridcell" className={`${css.mrn} num one-line`}>
                          {row.mrn}
                        </span>
                        <span role="gridcell" className={`${css.phone} num one-line`}>
                          {row.phone}
                        </span>
                        <span role="gridcell" className={`${css.lastSeen} num`}>
                          {time.date(row.lastSeen)}
                        </span>
                      </div>
                    )
                  );
                })}
              </div>
            </div>
          </div>
        )}
      </div>
    </Page>
  );
}
