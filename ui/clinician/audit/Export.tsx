import { ActionIcon, Button, Menu } from '@mantine/core';
import { useState } from 'react';
import type { ExportFormat, ReportForm } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { IconAlertTriangle, IconDownload, IconX } from '../../shared/components/icons.ts';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import css from './AuditScreen.module.css';

/** Exporting what is asked: the button, and what to say of the last file. */
export function useExport(query: ReportForm | null) {
  const { t } = useWords();
  const [path, setPath] = useState<string | null>(null);
  const write = useAction(async (format: ExportFormat) => {
    if (query) {
      setPath(null);
      setPath((await ipc.exportReport(query, format)).path);
    }
  });
  const button = (
    <Menu
      position="bottom-end"
      withInitialFocusPlaceholder={false}
      transitionProps={{ duration: 80 }}
    >
      <Menu.Target>
        <Button
          variant="default"
          leftSection={<IconDownload size={16} aria-hidden />}
          loading={write.running}
          disabled={query === null}
          data-testid="audit-export"
        >
          {t('audit.export')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown aria-label={t('audit.export')}>
        <Menu.Item onClick={() => void write.run('csv')} data-testid="export-csv">
          {t('audit.exportCsv')}
        </Menu.Item>
        <Menu.Item onClick={() => void write.run('fhir')} data-testid="export-fhir">
          {t('audit.exportFhir')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
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
  return { button, note };
}
