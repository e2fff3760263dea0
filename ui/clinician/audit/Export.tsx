import { ActionIcon, Button } from '@mantine/core';
import { useState } from 'react';
import type { ExportFormat, ReportForm } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { IconAlertTriangle, IconDownload, IconX } from '../../shared/components/icons.ts';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import css from './AuditScreen.module.css';

/** Exporting what is asked: the buttons, and what to say of the last file. */
export function useExport(query: ReportForm | null) {
  const { t } = useWords();
  const [path, setPath] = useState<string | null>(null);
  const write = useAction(async (format: ExportFormat) => {
    if (query) {
      setPath(null);
      setPath((await ipc.exportReport(query, format)).path);
    }
  });
  const buttons = (['csv', 'fhir'] as const).map((format) => (
    <Button
      key={format}
      variant="default"
      leftSection={<IconDownload size={16} aria-hidden />}
      disabled={query === null || write.running}
      onClick={() => void write.run(format)}
      title={t(`audit.exportHints.${format}`)}
      data-testid={`export-${format}`}
    >
      {t(`audit.exports.${format}`)}
    </Button>
  ));
  const note = (
    <>
      {write.fault && (
        <div className={css.note}>
          <FaultNote fault={write.fault} compact />
        </div>
      )}
      {path !== null && (
        <div className={css.exported} role="status" data-testid="exported">
          <IconAlertTriangle size={18} aria-hidden />
          <div>
            <p className={css.path}>{t('audit.exported', { path })}</p>
            <p>{t('audit.exportedWarning')}</p>
          </div>
          <ActionIcon aria-label={t('common.close')} onClick={() => setPath(null)}>
            <IconX size={16} />
          </ActionIcon>
        </div>
      )}
    </>
  );
  return { buttons, note };
}
