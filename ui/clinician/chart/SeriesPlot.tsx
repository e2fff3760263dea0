import { useMemo } from 'react';
import type { Series } from '../../shared/bindings.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import css from './Chart.module.css';
import { Plot } from './plot.tsx';
import { band, latest, unitOf } from './plot-scale.ts';

/** One plot with its name, its latest value and its reference range in words. */
export function SeriesPlot({
  series,
  height = 148,
  name,
}: {
  series: readonly Series[];
  height?: number;
  name?: string;
}) {
  const { t } = useWords();
  const { time } = useClinic();
  const first = series[0];
  const label = useMemo(() => {
    if (!first) {
      return '';
    }
    const points = series.flatMap((one) => one.points).map((point) => point.at);
    return t('chart.plot', {
      name: name ?? first.name,
      count: first.points.length,
      from: time.date(points[0]),
      to: time.date(points[points.length - 1]),
      latest: series.map(latest).join(' / '),
    });
  }, [series, first, name, t, time]);
  if (!first) {
    return null;
  }
  const newest = first.points[first.points.length - 1];
  const bands = series.map(band).filter((text) => text !== '');
  const mark = series
    .map((one) => one.points[one.points.length - 1]?.mark)
    .find((found) => found === 'low' || found === 'high');
  return (
    <figure className={css.figure} data-testid={`plot-${first.code}`}>
      <figcaption className={css.caption}>
        <span className={css.seriesName}>{name ?? first.name}</span>
        <span className={css.value} data-mark={mark}>
          {series.map((one) => latest(one).replace(` ${unitOf(one)}`, '')).join('/')}{' '}
          <span className="dim">{unitOf(first)}</span>
          {mark && <span className={css.markWord}>{t(`chart.${mark as 'low' | 'high'}`)}</span>}
        </span>
        <span className="dim small">
          {newest && time.date(newest.at)}
          {bands.length > 0 &&
            ` · ${t('chart.reference', { band: bands.join(' / '), unit: unitOf(first) })}`}
        </span>
      </figcaption>
      <Plot series={series} time={time} height={height} label={label} />
    </figure>
  );
}

const SYSTOLIC = '8480-6';
const DIASTOLIC = '8462-4';

/** Vitals as plots: the two pressures of one measurement share one. */
export function grouped(vitals: readonly Series[]): { key: string; series: Series[] }[] {
  const groups: { key: string; series: Series[] }[] = [];
  for (const one of vitals) {
    const pressure = groups.find((group) => group.key === SYSTOLIC);
    if (one.code === DIASTOLIC && pressure) {
      pressure.series.push(one);
    } else {
      groups.push({ key: one.code, series: [one] });
    }
  }
  return groups;
}
