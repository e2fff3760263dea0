// Who did what with whose record, for those who watch: asked of the server, by every field.
import { useEffect, useMemo } from 'react';
import type { AccessRow, ReportForm, ReportSort } from '../../shared/bindings.ts';
import { Empty } from '../../shared/components/Empty.tsx';
import { Page } from '../../shared/components/Page.tsx';
import { PersonName } from '../../shared/components/PersonName.tsx';
import { type Column, RowGrid } from '../../shared/components/RowGrid.tsx';
import { SkeletonRows } from '../../shared/components/SkeletonRows.tsx';
import { useNow } from '../../shared/hooks/use-now.ts';
import { usePages } from '../../shared/hooks/use-pages.ts';
import { faultOf, ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { ServerFault } from '../frame/ServerFault.tsx';
import { useKept, useWorkspace } from '../frame/workspace.tsx';
import { AccessPlot } from './AccessPlot.tsx';
import css from './AuditScreen.module.css';
import { type AuditAsked, formOf, type Seen, START, sortedBy } from './asked.ts';
import { count } from './buckets.ts';
import { OutcomeCell, RoleCell, WhatCell, WhenCell, WhoCell } from './cells.tsx';
import { useExport } from './Export.tsx';
import { Filters } from './Filters.tsx';

const ROW = 34;

function useColumns(): readonly Column<AccessRow, ReportSort>[] {
  const { t } = useWords();
  return useMemo(
    () => [
      {
        key: 'recorded',
        title: t('access.when'),
        width: '148px',
        sort: 'recorded',
        cell: (row) => <WhenCell row={row} />,
      },
      {
        key: 'user',
        title: t('access.who'),
        width: 'minmax(100px, 1.3fr)',
        sort: 'user',
        cell: (row) => <WhoCell row={row} />,
      },
      {
        key: 'role',
        title: t('access.role'),
        width: 'minmax(66px, 0.7fr)',
        sort: 'role',
        cell: (row) => <RoleCell row={row} />,
      },
      {
        key: 'action',
        title: t('access.what'),
        width: 'minmax(100px, 1.2fr)',
        sort: 'action',
        cell: (row) => <WhatCell row={row} />,
      },
      {
        key: 'outcome',
        title: t('access.outcome'),
        width: '76px',
        sort: 'outcome',
        cell: (row) => <OutcomeCell row={row} />,
      },
      {
        key: 'patient',
        title: t('access.patient'),
        width: 'minmax(90px, 1.2fr)',
        sort: 'patient',
        cell: (row) =>
          row.patientName ? (
            <PersonName name={row.patientName} />
          ) : (
            <span className="dim one-line">{row.patient}</span>
          ),
      },
      {
        key: 'device',
        title: t('access.device'),
        width: 'minmax(80px, 1fr)',
        sort: 'device',
        cell: (row) => (
          <span className="dim one-line" title={row.deviceName ?? undefined}>
            {row.deviceName}
          </span>
        ),
      },
    ],
    [t],
  );
}

/** Everybody whom rows have named, kept while the session is open. */
function useSeen(rows: readonly AccessRow[], asked: AuditAsked) {
  const { drafts } = useWorkspace();
  return useMemo(() => {
    const gather = (name: string, more: readonly (Seen | null)[]): readonly Seen[] => {
      const seen = new Map(
        ((drafts.get(name) as readonly Seen[] | undefined) ?? []).map((one) => [one.id, one]),
      );
      for (const one of more) {
        if (one && (one.name !== null || !seen.has(one.id))) {
          seen.set(one.id, one);
        }
      }
      const all = [...seen.values()].sort((a, b) => (a.name ?? a.id).localeCompare(b.name ?? b.id));
      drafts.set(name, all);
      return all;
    };
    return {
      users: gather('audit.users', [
        asked.user,
        ...rows.map((row) => row.user && { id: row.user, name: row.userName }).map(orNull),
      ]),
      patients: gather('audit.patients', [
        asked.patient,
        ...rows.map((row) => row.patient && { id: row.patient, name: row.patientName }).map(orNull),
      ]),
    };
  }, [rows, asked, drafts]);
}

function orNull(one: Seen | '' | null): Seen | null {
  return one || null;
}

/** The Audit screen. */
export function AuditScreen() {
  const { t } = useWords();
  const { time } = useClinic();
  const { open } = useWorkspace();
  const now = useNow();
  const today = time.dayOf(now);
  const columns = useColumns();
  const [asked, ask] = useKept<AuditAsked>('audit.asked', START);
  const [, show] = useKept<AccessRow | null>('access-row', null);
  const form = useMemo(() => formOf(asked, today, time), [asked, today, time]);
  // A day that is half typed asks nothing: what was asked before stays.
  const [last, keepLast] = useKept<ReportForm | null>('audit.form', form);
  const query = form ?? last;
  useEffect(() => {
    if (form && form !== last) {
      keepLast(form);
    }
  }, [form, last, keepLast]);
  const pages = usePages(['audit', JSON.stringify(query)], (cursor) =>
    ipc.accessReport({ ...(query as ReportForm), cursor }),
  );
  const rows = useMemo(() => pages.data?.pages.flatMap((page) => page.rows) ?? [], [pages.data]);
  const total = pages.data?.pages[pages.data.pages.length - 1]?.total ?? 0;
  const seen = useSeen(rows, asked);
  const exporting = useExport(form);
  const byTime = asked.sort === 'recorded';
  const whole = !pages.hasNextPage;
  const counted = useMemo(
    () =>
      count(
        rows,
        byTime ? (asked.ascending ? 'oldest-first' : 'newest-first') : null,
        whole,
        { from: query?.from ?? null, until: query?.until ?? null, now },
        time,
      ),
    [rows, byTime, asked.ascending, whole, query, now, time],
  );
  const fault = pages.error && faultOf(pages.error);
  return (
    <Page
      title={t('audit.title')}
      fixed
      testId="audit"
      aside={
        pages.data && (
          <span className="num" role="status" data-testid="audit-total">
            {t('audit.total', { count: total })}
          </span>
        )
      }
      actions={exporting.buttons}
    >
      <Filters asked={asked} onChange={ask} users={seen.users} patients={seen.patients} />
      {exporting.note}
      {!pages.data && fault && (
        <ServerFault
          fault={fault}
          hint={t('audit.offlineHint')}
          again={() => void pages.refetch()}
        />
      )}
      {!pages.data && !fault && (
        <SkeletonRows rows={14} columns={[2, 3, 2, 3, 1, 3, 2]} height={ROW} />
      )}
      {pages.data && rows.length === 0 && (
        <Empty title={t('audit.none')} hint={t('audit.noneHint')} />
      )}
      {counted && <AccessPlot counted={counted} shown={rows.length} total={total} />}
      {rows.length > 0 && !counted && !byTime && !whole && (
        <p className={`dim small ${css.noplot}`}>{t('audit.plotNot', { total })}</p>
      )}
      {rows.length > 0 && (
        <RowGrid
          label={t('audit.table')}
          columns={columns}
          rows={rows}
          total={total}
          height={ROW}
          narrowest={750}
          dimmed={pages.isPlaceholderData}
          sorted={{ by: asked.sort, ascending: asked.ascending }}
          onSort={(by) => ask(sortedBy(asked, by))}
          rowTestId="audit-row"
          onOpen={(row) => {
            show(row);
            open({ kind: 'access-row', id: row.id });
          }}
          more={{
            has: pages.hasNextPage,
            loading: pages.isFetchingNextPage,
            fault,
            load: () => void pages.fetchNextPage(),
          }}
        />
      )}
    </Page>
  );
}
