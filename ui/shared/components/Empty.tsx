import type { ReactNode } from 'react';
import css from './Empty.module.css';

/** What would be here, and how to make it. */
export function Empty({
  title,
  hint,
  children,
}: {
  title: string;
  hint?: string | undefined;
  children?: ReactNode;
}) {
  return (
    <div className={css.empty} data-testid="empty">
      <p className={css.title}>{title}</p>
      {hint && <p className={css.hint}>{hint}</p>}
      {children && <div className={css.act}>{children}</div>}
    </div>
  );
}
