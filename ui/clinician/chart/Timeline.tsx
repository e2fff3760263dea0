import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef } from 'react';
import type { ChartView } from '../../shared/bindings.ts';
import { Empty } from '../../shared/components/Empty.tsx';
import { StandingMark } from '../../shared/components/Standing.tsx';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import css from './Chart.module.css';
import { timelineItems } from './timeline-lines.ts';

/** Everything dated, newest first. Long lives have thousands of lines, so the list is virtual. */
export function Timeline({ chart }: { chart: ChartView }) {
  const { t } = useWords();
  const { time } = useClinic();
  const scroll = useRef<HTMLDivElement>(null);
  const items = useMemo(() => timelineItems(chart, t('chart.undated')), [chart, t]);
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroll.current,
    estimateSize: (index) => (items[index]?.year === undefined ? 32 : 36),
    overscan: 12,
  });
  if (items.length === 0) {
    return <Empty title={t('chart.noEncounters')} hint={t('chart.noEncountersHint')} />;
  }
  return (
    <section
      ref={scroll}
      className={css.timeline}
      aria-label={t('chart.tabs.timeline')}
      // A region that scrolls takes the focus, or the keyboard could not scroll it.
      // biome-ignore lint/a11y/noNoninteractiveTabindex: scrolls
      tabIndex={0}
      data-testid="chart-timeline"
    >
      <ol style={{ height: rows.getTotalSize(), position: 'relative' }}>
        {rows.getVirtualItems().map((at) => {
          const item = items[at.index];
          if (!item) {
            return null;
          }
          const place = { transform: `translateY(${at.start}px)`, height: at.size };
          if (item.year !== undefined) {
            return (
              <li key={`year ${item.year}`} className={css.year} style={place}>
                {item.year}
              </li>
            );
          }
          const { line } = item;
          const kind = line.kind as 'Encounter';
          return (
            <li key={line.reference} className={css.event} style={place}>
              <span className={css.when}>{line.when ? time.date(line.when) : ''}</span>
              <span className={css.kind}>
                {t(`chart.kinds.${kind}`, { defaultValue: line.kind })}
              </span>
              <span className={`${css.what} one-line`} title={line.text}>
                {line.text}
                {line.detail && <span className="dim"> · {line.detail}</span>}
              </span>
              <span className="dim small">{line.status}</span>
              <StandingMark standing={line.standing} />
            </li>
          );
        })}
      </ol>
    </section>
  );
}
