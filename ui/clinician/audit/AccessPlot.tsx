// Accesses per hour or day of the period that is asked for, as bars.
import { useCallback, useMemo } from 'react';
import uPlot from 'uplot';
import { type Drawing, usePlot } from '../../shared/hooks/use-plot.ts';
import type { Ink } from '../../shared/theme/ink.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import css from './AccessPlot.module.css';
import type { Counted } from './buckets.ts';

const HEIGHT = 96;

/** Bars stand at whole numbers, so that a day without an hour is as wide as any other. */
function drawing(counted: Counted, written: (key: string) => string, ink: () => Ink): Drawing {
  const axis = {
    stroke: () => ink().text,
    ticks: { show: false },
    font: '12px Inter Variable, sans-serif',
  };
  const most = Math.max(...counted.counts, 1);
  const bars = uPlot.paths.bars?.({ size: [0.8, 26] });
  return {
    options: {
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: [-0.6, counted.keys.length - 0.4] },
        y: { range: [0, most * 1.08] },
      },
      axes: [
        {
          ...axis,
          size: 22,
          space: 64,
          grid: { show: false },
          // Whole numbers alone: half a day is none.
          incrs: [1, 2, 3, 4, 6, 7, 12, 14, 24, 28, 56, 84],
          values: (_plot, splits) =>
            splits.map((at) => {
              const key = counted.keys[at];
              return key === undefined ? '' : written(key);
            }),
        },
        {
          ...axis,
          size: 40,
          space: 16,
          grid: { stroke: () => ink().grid, width: 1 },
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000],
        },
      ],
      series: [
        {},
        {
          fill: () => ink().fill,
          stroke: () => ink().line,
          width: 1,
          points: { show: false },
          ...(bars ? { paths: bars } : {}),
        },
      ],
    },
    data: [counted.keys.map((_, index) => index), [...counted.counts]],
  };
}

/** The plot with its name; what it shows is said in words, too. */
export function AccessPlot({
  counted,
  shown,
  total,
}: {
  counted: Counted;
  /** Rows that were read. */
  shown: number;
  total: number;
}) {
  const { t } = useWords();
  const { time } = useClinic();
  const hourly = counted.step === 'hour';
  const written = useCallback(
    (key: string) => (hourly ? `${key.slice(11)}:00` : time.day(key)),
    [hourly, time],
  );
  const whole = useCallback(
    (key: string) =>
      hourly ? `${time.day(key.slice(0, 10))}, ${key.slice(11)}:00` : time.date(key),
    [hourly, time],
  );
  const draw = useCallback((ink: () => Ink) => drawing(counted, written, ink), [counted, written]);
  const host = usePlot(draw, HEIGHT);
  const title = t(hourly ? 'audit.perHour' : 'audit.perDay');
  const label = useMemo(() => {
    const most = Math.max(...counted.counts);
    const keys = counted.keys;
    return t('audit.plot', {
      title,
      from: whole(keys[0] ?? ''),
      to: whole(keys[keys.length - 1] ?? ''),
      count: counted.counts.reduce((sum, one) => sum + one, 0),
      most,
      peak: whole(keys[counted.counts.indexOf(most)] ?? ''),
    });
  }, [counted, title, t, whole]);
  return (
    <figure className={css.figure} data-testid="access-plot">
      <figcaption className={css.caption}>
        {title}
        {counted.part && (
          <span className="dim">
            {' · '}
            {t(counted.part === 'newest' ? 'audit.plotPartly' : 'audit.plotPartlyOldest', {
              count: shown,
              total,
            })}
          </span>
        )}
      </figcaption>
      <div ref={host} role="img" aria-label={label} style={{ width: '100%', height: HEIGHT }} />
    </figure>
  );
}
