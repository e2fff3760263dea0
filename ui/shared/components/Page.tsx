import type { ReactNode } from 'react';
import css from './Page.module.css';

/** A screen: its title, what belongs beside it, and the body that scrolls. */
export function Page({
  title,
  aside,
  actions,
  children,
  fixed = false,
  testId,
}: {
  title: string;
  aside?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  /** The body does not scroll; the screen scrolls inside it. */
  fixed?: boolean;
  testId?: string;
}) {
  return (
    <section className={css.page} aria-label={title} data-testid={testId}>
      <header className={css.head}>
        <h1 tabIndex={-1}>{title}</h1>
        <div className={css.aside}>{aside}</div>
        <div className={css.actions}>{actions}</div>
      </header>
      <div className={css.body} data-fixed={fixed || undefined}>
        {children}
      </div>
    </section>
  );
}
