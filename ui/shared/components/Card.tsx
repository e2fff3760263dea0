import { type ReactNode, useId } from 'react';
import css from './Card.module.css';

/** A group of things that belong together, named. */
export function Card({
  title,
  aside,
  children,
  testId,
}: {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
  testId?: string;
}) {
  const id = useId();
  return (
    <section className={css.card} aria-labelledby={id} data-testid={testId}>
      <header className={css.head}>
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}
