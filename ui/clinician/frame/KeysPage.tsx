import { Kbd, Modal } from '@mantine/core';
import type { ReactNode } from 'react';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from './clinic.tsx';
import css from './KeysPage.module.css';
import { showOverlay, useOverlay } from './overlays.ts';

function Line({ keys, children }: { keys: readonly string[]; children: ReactNode }) {
  return (
    <>
      <dt className={css.keys}>
        {keys.map((key) => (
          <Kbd key={key} size="xs">
            {key}
          </Kbd>
        ))}
      </dt>
      <dd>{children}</dd>
    </>
  );
}

/** Every key of the program. */
export function KeysPage() {
  const { t } = useWords();
  const { screens } = useClinic();
  const open = useOverlay() === 'keys';
  return (
    <Modal
      opened={open}
      onClose={() => showOverlay(null)}
      title={t('keys.title')}
      closeButtonProps={{ 'aria-label': t('common.close') }}
      size={520}
    >
      <h3>{t('keys.anywhere')}</h3>
      <dl className={css.list}>
        <Line keys={['Ctrl', 'K']}>{t('keys.find')}</Line>
        <Line keys={['Alt', `1 … ${screens.length}`]}>{t('keys.screens')}</Line>
        <Line keys={['Alt', '←']}>{t('keys.back')}</Line>
        <Line keys={['Esc']}>{t('keys.close')}</Line>
        <Line keys={['F6']}>{t('keys.workspace')}</Line>
        <Line keys={['/']}>{t('keys.focusSearch')}</Line>
        <Line keys={['N']}>{t('keys.newOne')}</Line>
        <Line keys={['Ctrl', 'L']}>{t('keys.lock')}</Line>
        <Line keys={['?']}>{t('keys.help')}</Line>
      </dl>
      <h3>{t('keys.lists')}</h3>
      <dl className={css.list}>
        <Line keys={['↑', '↓']}>{t('keys.rows')}</Line>
        <Line keys={['Enter']}>{t('keys.enter')}</Line>
        <Line keys={['Space']}>{t('keys.details')}</Line>
      </dl>
    </Modal>
  );
}
