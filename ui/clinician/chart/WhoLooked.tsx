// Who looked at this record: kept by the server, asked for when the tab is opened.
import { useMemo } from 'react';
import type { AccessRow } from '../../shared/bindings.ts';
import { Empty } from '../../shared/components/Empty.tsx';
import { type Column, RowGrid } from '../../shared/components/RowGrid.tsx';
import { SkeletonRows } from '../../shared/components/SkeletonRows.tsx';
import { usePages } from '../../shared/hooks/use-pages.ts';
import { faultOf, ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { ClosedRecord, isClosed } from '../access/ClosedRecord.tsx';
import { OutcomeCell, RoleCell, WhatCell, WhenCell, WhoCell, WhyCell } from '../audit/cells.tsx';
import { ServerFault } from '../frame/ServerFault.tsx';
import { useKept, useWorkspace } from '../frame/workspace.tsx';
import css from './WhoLooked.module.css';

const ROW = 52;

/** The tab. */
export function WhoLooked({ patient }: { patient: string }) {
  const { t } = useWords();
  const { open } = useWorkspace();
  const [, show] = useKept<AccessRow | null>('access-row', null);
  const pages = usePages(['who-looked', patient], (cursor) => ipc.whoLooked(patient, cursor));
  const rows = useMemo(() => pages.data?.pages.flatMap((page) => page.rows) ?? [], [pages.data]);
  const columns = useMemo<readonly Column<AccessRow, never>[]>(
    () => [
      {
        key: 'when',
        title: t('access.when'),
        width: '148px',
        cell: (row) => <WhenCell row={row} />,
      },
      {
        key: 'who',
        title: t('access.who'),
        width: 'minmax(130px, 1.2fr)',
        cell: (row) => (
          <>
            <WhoCell row={row} />
            <span className="small">
              <RoleCell row={row} />
            </span>
          </>
        ),
      },
      {
        key: 'what',
        title: t('access.what'),
        width: 'minmax(110px, 1fr)',
        cell: (row) => (
          <>
            <WhatCell row={row} />
            {!row.success && (
              <span className="small">
                <OutcomeCell row={row} />
              </span>
            )}
          </>
        ),
      },
      {
        key: 'why',
        title: t('access.why'),
        width: 'minmax(160px, 2fr)',
        cell: (row) => <WhyCell row={row} />,
      },
      {
        key: 'from',
        title: t('access.from'),
        width: 'minmax(90px, 0.9fr)',
        cell: (row) => (
          <>
            <span className="one-line" title={row.deviceName ?? undefined}>
              {row.deviceName}
            </span>
            <span className="dim small one-line">{row.address}</span>
          </>
        ),
      },
    ],
    [t],
  );
  if (!pages.data) {
    const fault = pages.error && faultOf(pages.error);
    return (
      <div className={css.tab}>
        {isClosed(fault) && (
          <ClosedRecord fault={fault} patient={patient} again={() => pages.refetch()} />
        )}
        {fault && !isClosed(fault) && (
          <ServerFault
            fault={fault}
            hint={t('whoLooked.offlineHint')}
            again={() => void pages.refetch()}
          />
        )}
        {!fault && <SkeletonRows rows={8} columns={[2, 3, 3, 5, 2]} height={ROW} />}
      </div>
    );
  }
  const total = pages.data.pages[pages.data.pages.length - 1]?.total ?? rows.length;
  return (
    <div className={css.tab} data-testid="who-looked">
      <p className="dim small">{t('whoLooked.lead')}</p>
      {rows.length === 0 ? (
        <Empty title={t('whoLooked.none')} hint={t('whoLooked.noneHint')} />
      ) : (
        <RowGrid
          label={t('whoLooked.label')}
          columns={columns}
          rows={rows}
          total={total}
          height={ROW}
          narrowest={690}
          rowTestId="who-looked-row"
          onOpen={(row) => {
            show(row);
            open({ kind: 'access-row', id: row.id });
          }}
          more={{
            has: pages.hasNextPage,
            loading: pages.isFetchingNextPage,
            fault: pages.error && faultOf(pages.error),
            load: () => void pages.fetchNextPage(),
          }}
        />
      )}
    </div>
  );
}
