import { ActionIcon, Tooltip } from '@mantine/core';
import type { ReactNode } from 'react';
import { IconArrowsMaximize, IconX } from '../../shared/components/icons.ts';
import { useWords } from '../../shared/words/index.ts';
import css from './Panel.module.css';
import { useWorkspace } from './workspace.tsx';

/** The inside of the workspace: a title, a body that scrolls, and what to do at its foot. */
export function Panel({
  title,
  aside,
  children,
  foot,
  testId,
}: {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
  foot?: ReactNode;
  testId?: string;
}) {
  const { t } = useWords();
  const { close, wide, widen } = useWorkspace();
  return (
    <div className={css.panel} data-testid={testId}>
      <header className={css.head}>
        <div className={css.title}>
          <h2>{title}</h2>
          {aside && <div className="dim small one-line">{aside}</div>}
        </div>
        <Tooltip label={wide ? t('common.narrow') : t('common.widen')}>
          <ActionIcon
            aria-label={wide ? t('common.narrow') : t('common.widen')}
            aria-pressed={wide}
            onClick={() => widen(!wide)}
          >
            <IconArrowsMaximize size={16} />
          </ActionIcon>
        </Tooltip>
        <Tooltip label={`${t('common.close')} (Esc)`}>
          <ActionIcon
            aria-label={t('workspace.close')}
            onClick={close}
            data-testid="workspace-close"
          >
            <IconX size={16} />
          </ActionIcon>
        </Tooltip>
      </header>
      <div className={css.body}>{children}</div>
      {foot && <footer className={css.foot}>{foot}</footer>}
    </div>
  );
}
