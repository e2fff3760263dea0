import { useEffect, useRef, useState } from 'react';
import { watch } from './pictures.ts';
import css from './Visits.module.css';

/** A moving picture from an address of the program. */
export function Picture({
  url,
  label,
  small,
  testId,
}: {
  url: string | undefined;
  label: string;
  small?: boolean;
  testId: string;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [drawn, setDrawn] = useState(0);
  const [empty, setEmpty] = useState(true);
  useEffect(() => {
    if (!url || !canvas.current) {
      return undefined;
    }
    return watch(url, canvas.current, (nothing) => {
      setEmpty(nothing);
      setDrawn((before) => before + 1);
    });
  }, [url]);
  return (
    <canvas
      ref={canvas}
      className={small ? css.own : css.theirs}
      role="img"
      aria-label={label}
      data-empty={empty || undefined}
      data-drawn={drawn}
      data-testid={testId}
    />
  );
}
