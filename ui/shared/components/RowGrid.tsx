// Many rows of a table that scrolls: arrows choose, Enter or a click opens, headings sort. The
// grid keeps the focus and points at its active row (aria-activedescendant); rows take no focus of
// their own, which is why biome.json exempts this file from four lints.
import { Button } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import type { Fault } from '../bindings.ts';
import { useWords } from '../words/index.ts';
import { FaultNote } from './FaultNote.tsx';
import { IconChevronDown, IconChevronUp } from './icons.ts';
import css from './RowGrid.module.css';

/** Rows from the end at which the next page is read. */
const NEAR = 20;
/** Height of the headings. */
const HEAD = 32;

/** A column: its heading, its width as CSS writes it, and what a row shows there. */
export interface Column<R, K extends string> {
  readonly key: string;
  readonly title: string;
  readonly width: string;
  /** The field that its heading sorts by. */
  readonly sort?: K;
  readonly cell: (row: R) => ReactNode;
}

/** By what the rows are sorted. */
export interface Sorted<K extends string> {
  readonly by: K;
  readonly ascending: boolean;
}

/** How it goes on after the last row that was read. */
export interface More {
  readonly has: boolean;
  readonly loading: boolean;
  readonly fault: Fault | null;
  readonly load: () => void;
}

/** A grid of rows. */
export function RowGrid<R extends { readonly id: string }, K extends string = never>({
  label,
  columns,
  rows,
  total,
  height,
  narrowest,
  dimmed = false,
  sorted,
  onSort,
  onOpen,
  rowTestId,
  more,
}: {
  label: string;
  columns: readonly Column<R, K>[];
  rows: readonly R[];
  /** Rows there are in all, read or not. */
  total: number;
  height: number;
  /** Pixels that all columns need; in less they scroll sideways. */
  narrowest: number;
  dimmed?: boolean;
  sorted?: Sorted<K>;
  onSort?: (by: K) => void;
  onOpen: (row: R) => void;
  rowTestId: string;
  more: More;
}) {
  const { t } = useWords();
  const id = useId();
  const grid = useRef<HTMLDivElement>(null);
  const [chosen, setChosen] = useState(0);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => grid.current,
    estimateSize: () => height,
    // The headings stay at the top while rows go under them.
    scrollMargin: HEAD,
    scrollPaddingStart: HEAD,
    overscan: 12,
  });
  const items = virtual.getVirtualItems();
  const last = items[items.length - 1]?.index ?? 0;
  const near = more.has && !more.loading && more.fault === null && last >= rows.length - NEAR;
  const { load } = more;
  useEffect(() => {
    if (near && rows.length > NEAR) {
      load();
    }
  }, [near, rows.length, load]);
  const order = sorted && `${sorted.by} ${sorted.ascending}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another order begins at the top
  useEffect(() => {
    setChosen(0);
    grid.current?.scrollTo({ top: 0 });
  }, [order]);
  const choose = (to: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, to));
    setChosen(next);
    virtual.scrollToIndex(next);
  };
  const press = (event: React.KeyboardEvent) => {
    if (event.target !== event.currentTarget) {
      return;
    }
    const page = Math.max(
      1,
      Math.floor(((grid.current?.clientHeight ?? HEAD) - HEAD) / height) - 1,
    );
    const row = rows[chosen];
    const steps = new Map<string, () => void>([
      ['ArrowDown', () => choose(chosen + 1)],
      ['ArrowUp', () => choose(chosen - 1)],
      ['PageDown', () => choose(chosen + page)],
      ['PageUp', () => choose(chosen - page)],
      ['Home', () => choose(0)],
      ['End', () => choose(rows.length - 1)],
      ['Enter', () => row && onOpen(row)],
    ]);
    const step = steps.get(event.key);
    if (step) {
      event.preventDefault();
      step();
    }
  };
  const template = columns.map((column) => column.width).join(' ');
  return (
    <div className={css.frame}>
      <div
        ref={grid}
        role="grid"
        tabIndex={0}
        aria-label={label}
        aria-rowcount={total + 1}
        aria-activedescendant={rows[chosen] ? `${id}-${rows[chosen].id}` : undefined}
        className={css.grid}
        data-dimmed={dimmed || undefined}
        onKeyDown={press}
      >
        <div
          role="row"
          aria-rowindex={1}
          className={css.head}
          style={{ gridTemplateColumns: template, minWidth: narrowest }}
        >
          {columns.map((column) => {
            const by = column.sort;
            const active = by !== undefined && sorted?.by === by;
            const way = sorted?.ascending ? 'ascending' : 'descending';
            return (
              <span
                key={column.key}
                role="columnheader"
                className={css.heading}
                {...(by === undefined ? {} : { 'aria-sort': active ? way : 'none' })}
              >
                {by === undefined ? (
                  column.title
                ) : (
                  <button
                    type="button"
                    className={css.sort}
                    data-active={active || undefined}
                    onClick={() => onSort?.(by)}
                    data-testid={`sort-${by}`}
                  >
                    <span className="one-line">{column.title}</span>
                    {active &&
                      (sorted?.ascending ? (
                        <IconChevronUp size={14} aria-hidden />
                      ) : (
                        <IconChevronDown size={14} aria-hidden />
                      ))}
                  </button>
                )}
              </span>
            );
          })}
        </div>
        <div
          role="rowgroup"
          className={css.body}
          style={{ height: virtual.getTotalSize(), minWidth: narrowest }}
        >
          {items.map((item) => {
            const row = rows[item.index];
            return (
              row && (
                <div
                  key={row.id}
                  id={`${id}-${row.id}`}
                  role="row"
                  aria-rowindex={item.index + 2}
                  aria-selected={item.index === chosen}
                  className={css.row}
                  style={{
                    height,
                    gridTemplateColumns: template,
                    transform: `translateY(${item.start - HEAD}px)`,
                  }}
                  onClick={() => {
                    setChosen(item.index);
                    grid.current?.focus({ preventScroll: true });
                    onOpen(row);
                  }}
                  data-testid={rowTestId}
                  data-id={row.id}
                >
                  {columns.map((column) => (
                    <span key={column.key} role="gridcell" className={css.cell}>
                      {column.cell(row)}
                    </span>
                  ))}
                </div>
              )
            );
          })}
        </div>
      </div>
      {more.fault && <FaultNote fault={more.fault} again={more.load} compact />}
      <div className={css.foot}>
        <span className="dim small num" role="status" data-testid="rows-shown">
          {t('access.shown', { count: rows.length, total })}
        </span>
        {more.has && (
          <Button variant="subtle" size="xs" loading={more.loading} onClick={more.load}>
            {t('common.showMore')}
          </Button>
        )}
      </div>
    </div>
  );
}
