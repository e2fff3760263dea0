// A plot of one or two series over time on uPlot: a band for the reference range, a mark for
// each value, and for a value outside of the range another shape as well as another colour.
import { useCallback } from 'react';
import type uPlot from 'uplot';
import type { Series } from '../../shared/bindings.ts';
import { type Drawing, usePlot } from '../../shared/hooks/use-plot.ts';
import type { Ink } from '../../shared/theme/ink.ts';
import type { ClinicTime } from '../../shared/time.ts';
import { type PlotData, plotData, timeRange, valueRange, written } from './plot-scale.ts';

interface PlotProps {
  /** Series in one unit; systolic and diastolic pressure share a plot. */
  readonly series: readonly Series[];
  readonly time: ClinicTime;
  readonly height: number;
  /** Says the plot in words for who cannot see it. */
  readonly label: string;
}

/** Seconds between two marks of the time axis from which on they are months, or years. */
const MONTH = 27 * 86_400;
const YEAR = 364 * 86_400;

/** Rows on one time axis, as uPlot wants them; a series without a value there has a gap. */
function aligned(data: readonly PlotData[]): uPlot.AlignedData {
  const times = [...new Set(data.flatMap((one) => one.times))].sort((a, b) => a - b);
  const rows = data.map((one) => {
    const byTime = new Map(one.times.map((time, index) => [time, one.values[index]]));
    return times.map((time) => byTime.get(time) ?? null);
  });
  return [times, ...rows] as uPlot.AlignedData;
}

function isOut(series: Series, value: number): boolean {
  return (
    (series.low !== null && value < series.low) || (series.high !== null && value > series.high)
  );
}

/** How series are drawn. */
function drawing(series: readonly Series[], time: ClinicTime, ink: () => Ink): Drawing {
  const data = series.map(plotData);
  const values = valueRange(series);
  const times = timeRange(data);

  const drawBand = (plot: uPlot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.fillStyle = ink().band;
    for (const one of series) {
      if (one.low === null && one.high === null) {
        continue;
      }
      const top = plot.valToPos(one.high ?? values[1], 'y', true);
      const bottom = plot.valToPos(one.low ?? values[0], 'y', true);
      ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
    }
    ctx.restore();
  };

  const drawMarks = (plot: uPlot) => {
    const { ctx } = plot;
    const size = 3.5 * devicePixelRatio;
    ctx.save();
    series.forEach((one, index) => {
      const own = data[index];
      own?.times.forEach((at, i) => {
        const value = own.values[i] ?? 0;
        const x = plot.valToPos(at, 'x', true);
        const y = plot.valToPos(value, 'y', true);
        ctx.beginPath();
        if (isOut(one, value)) {
          // A diamond: the shape says it where the colour cannot.
          ctx.fillStyle = ink().out;
          ctx.moveTo(x, y - size * 1.5);
          ctx.lineTo(x + size * 1.5, y);
          ctx.lineTo(x, y + size * 1.5);
          ctx.lineTo(x - size * 1.5, y);
          ctx.closePath();
          ctx.fill();
        } else {
          ctx.fillStyle = ink().paper;
          ctx.strokeStyle = ink().line;
          ctx.lineWidth = 1.5 * devicePixelRatio;
          ctx.arc(x, y, size, 0, Math.PI * 2);
          ctx.fill();
          ctx.stroke();
        }
      });
    });
    ctx.restore();
  };

  const axis = {
    stroke: () => ink().text,
    grid: { stroke: () => ink().grid, width: 1 },
    ticks: { show: false },
    font: '12px Inter Variable, sans-serif',
  };
  return {
    options: {
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { size: 8 } },
      scales: { x: { time: true, range: times }, y: { range: values } },
      axes: [
        {
          ...axis,
          space: 72,
          size: 26,
          values: (_plot, splits, _axis, _space, step) =>
            splits.map((at) => {
              const day = time.dayOf(new Date(at * 1000));
              return step >= YEAR
                ? day.slice(0, 4)
                : time.date(step >= MONTH ? day.slice(0, 7) : day);
            }),
        },
        { ...axis, size: 48, space: 28, values: (_plot, splits) => splits.map(written) },
      ],
      series: [
        {},
        ...series.map((one) => ({
          label: one.name,
          stroke: () => ink().line,
          width: 1.5,
          spanGaps: true,
          points: { show: false },
        })),
      ],
      hooks: { drawAxes: [drawBand], draw: [drawMarks] },
    },
    data: aligned(data),
  };
}

/** Draws the plot; the table beside it carries the same values for everybody. */
export function Plot({ series, time, height, label }: PlotProps) {
  const draw = useCallback((ink: () => Ink) => drawing(series, time, ink), [series, time]);
  const host = usePlot(draw, height);
  return <div ref={host} role="img" aria-label={label} style={{ width: '100%', height }} />;
}
