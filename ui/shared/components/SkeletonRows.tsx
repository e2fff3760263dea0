import { useDelayed } from '../hooks/use-delayed.ts';
import { useWords } from '../words/index.ts';
import css from './SkeletonRows.module.css';

/** Rows in the shape of what comes, drawn only when it takes longer than 300 ms. */
export function SkeletonRows({
  rows = 8,
  columns = [3, 5, 4, 2],
  height = 32,
}: {
  rows?: number;
  columns?: readonly number[];
  height?: number;
}) {
  const { t } = useWords();
  const shown = useDelayed(true);
  if (!shown) {
    return null;
  }
  return (
    <div role="status" aria-label={t('common.loading')} className={css.rows}>
      {Array.from({ length: rows }, (_, row) => (
        // Rows are all alike and never move.
        // biome-ignore lint/suspicious/noArrayIndexKey: a fixed list
        <div key={row} className={css.row} style={{ height }} aria-hidden>
          {columns.map((width, column) => (
            <span
              // Columns never change their order.
              // biome-ignore lint/suspicious/noArrayIndexKey: a fixed list
              key={column}
              className={css.bar}
              style={{
                flexGrow: width,
                maxWidth: `${width * 14 - ((row * 7 + column * 5) % 4) * 6}%`,
              }}
            />
          ))}
        </div>
      ))}
    </div>
  );
}
