// The theme's colours for a canvas, which cannot follow CSS by itself.

/** Colours as they are now. */
export interface Ink {
  readonly line: string;
  readonly fill: string;
  readonly text: string;
  readonly grid: string;
  readonly band: string;
  readonly out: string;
  readonly paper: string;
}

/** The colours that an element would be drawn in. */
export function inkOf(element: Element): Ink {
  const style = getComputedStyle(element);
  const read = (name: string, fallback: string) => style.getPropertyValue(name).trim() || fallback;
  return {
    line: read('--r-accent', '#0b6475'),
    fill: read('--r-accent-line', '#8fc6d0'),
    text: read('--r-dim', '#4f5a61'),
    grid: read('--r-line', '#dde2e5'),
    band: read('--r-accent-soft', '#e2f1f4'),
    out: read('--r-red', '#b3261e'),
    paper: read('--r-surface', '#ffffff'),
  };
}
