// A uPlot in an element: as wide as the element, in the theme's colours, gone with the element.
import { type RefObject, useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { type Ink, inkOf } from '../theme/ink.ts';

const NARROWEST = 120;

/** What is drawn: how, and of which values. */
export interface Drawing {
  readonly options: Omit<uPlot.Options, 'width' | 'height'>;
  readonly data: uPlot.AlignedData;
}

/**
 * Draws into the element that the answer is put on. `draw` is asked once for each change of
 * itself; it asks `ink` for colours whenever it paints, for they change from light to dark.
 */
export function usePlot(
  draw: (ink: () => Ink) => Drawing,
  height: number,
): RefObject<HTMLDivElement | null> {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = host.current;
    if (!element) {
      return;
    }
    let colours = inkOf(element);
    const { options, data } = draw(() => colours);
    const size = () => ({ width: Math.max(element.clientWidth, NARROWEST), height });
    const plot = new uPlot({ ...options, ...size() }, data, element);
    const resized = new ResizeObserver(() => plot.setSize(size()));
    resized.observe(element);
    // Light to dark changes the variables on the root element.
    const recoloured = new MutationObserver(() => {
      colours = inkOf(element);
      plot.redraw();
    });
    recoloured.observe(document.documentElement, {
      attributes: true,
      attributeFilter: ['data-mantine-color-scheme'],
    });
    return () => {
      resized.disconnect();
      recoloured.disconnect();
      plot.destroy();
    };
  }, [draw, height]);
  return host;
}
