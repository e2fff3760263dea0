// Writing a SOAP note beside the chart. The draft is kept at every pause; signing freezes it.
import { Button, Modal, Textarea } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { DraftView } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { SkeletonRows } from '../../shared/components/SkeletonRows.tsx';
import { StandingMark } from '../../shared/components/Standing.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { faultOf, ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { RecordFault } from '../access/ClosedRecord.tsx';
import { useClinic } from '../frame/clinic.tsx';
import { Panel } from '../frame/Panel.tsx';
import { useWorkspace } from '../frame/workspace.tsx';
import { Autosave, type Keeping, type Sections } from './autosave.ts';
import css from './Note.module.css';

const SECTIONS = ['subjective', 'objective', 'assessment', 'plan'] as const;
const EMPTY: Sections = { subjective: '', objective: '', assessment: '', plan: '' };

/** The note's panel: reads the draft first, so that typing never starts over what is kept. */
export default function NotePanel({ patient }: { patient: string }) {
  const { t } = useWords();
  const draft = useQuery({
    queryKey: ['draft', patient],
    queryFn: () => ipc.draft(patient),
    gcTime: 0,
  });
  if (draft.error) {
    return (
      <Panel title={t('note.title')}>
        <RecordFault fault={faultOf(draft.error)} patient={patient} again={() => draft.refetch()} />
      </Panel>
    );
  }
  if (draft.data === undefined) {
    return (
      <Panel title={t('note.title')}>
        <SkeletonRows rows={8} columns={[6]} />
      </Panel>
    );
  }
  return <Writing patient={patient} draft={draft.data} />;
}

function Writing({ patient, draft }: { patient: string; draft: DraftView | null }) {
  const { t } = useWords();
  const { can, time } = useClinic();
  const { close, onLeave } = useWorkspace();
  const queries = useQueryClient();
  const [sections, setSections] = useState<Sections>(draft ?? EMPTY);
  const [keeping, setKeeping] = useState<Keeping>({
    state: 'kept',
    keptAt: draft?.keptAt ?? null,
    fault: null,
  });
  const [asking, setAsking] = useState(false);
  const autosave = useRef<Autosave | null>(null);
  autosave.current ??= new Autosave(patient, ipc.keepDraft, setKeeping, draft);

  useEffect(() => {
    const own = autosave.current;
    onLeave(async () => {
      await own?.flush();
      // The chart shows whether a draft waits; it is read again only if that has changed.
      if ((own?.id ?? null) !== (draft?.id ?? null)) {
        await queries.invalidateQueries({ queryKey: ['chart', patient] });
      }
    });
    return () => onLeave(null);
  }, [onLeave, queries, patient, draft]);

  const sign = useAction(async () => {
    const own = autosave.current;
    if (!own || !(await own.flush()) || own.id === null) {
      return;
    }
    await ipc.signNote(own.id);
    own.end();
    notifications.show({ message: t('note.signed') });
    close();
  });
  const discard = useAction(async () => {
    const own = autosave.current;
    await own?.flush();
    if (own?.id) {
      await ipc.discardDraft(own.id);
    }
    own?.end();
    setAsking(false);
    await queries.invalidateQueries({ queryKey: ['chart', patient] });
    close();
  });

  const change = (section: keyof Sections, text: string) => {
    const next = { ...sections, [section]: text };
    setSections(next);
    autosave.current?.typed(next);
  };
  const empty = SECTIONS.every((section) => sections[section].trim() === '');

  return (
    <Panel
      title={t('note.title')}
      aside={<Kept keeping={keeping} time={(at) => time.time(at)} />}
      testId="note-panel"
      foot={
        <>
          {can('sign-notes') && (
            <Button
              onClick={() => void sign.run()}
              loading={sign.running}
              disabled={empty}
              title={empty ? t('note.signEmpty') : t('note.signHint')}
              data-testid="note-sign"
            >
              {t('note.sign')}
            </Button>
          )}
          {(!empty || draft) && (
            <Button
              variant="subtle"
              color="gray"
              onClick={() => setAsking(true)}
              data-testid="note-discard"
            >
              {t('note.discard')}
            </Button>
          )}
        </>
      }
    >
      <div className={css.sections}>
        {SECTIONS.map((section) => (
          <Textarea
            key={section}
            label={t(`note.${section}`)}
            placeholder={t(`note.hints.${section}`)}
            value={sections[section]}
            onChange={(event) => change(section, event.currentTarget.value)}
            autosize
            minRows={4}
            maxLength={20_000}
            data-testid={`note-${section}`}
            {...(section === 'subjective' ? { 'data-autofocus': true } : {})}
          />
        ))}
        {keeping.fault && (
          <RecordFault
            fault={keeping.fault}
            patient={patient}
            again={() => autosave.current?.flush()}
          />
        )}
        {sign.fault && (
          <RecordFault fault={sign.fault} patient={patient} again={() => sign.run()} compact />
        )}
      </div>
      <Modal
        opened={asking}
        onClose={() => setAsking(false)}
        title={t('note.discardTitle')}
        closeButtonProps={{ 'aria-label': t('common.close') }}
      >
        <p>{t('note.discardBody')}</p>
        {discard.fault && <FaultNote fault={discard.fault} compact />}
        <div className={css.asking}>
          <Button variant="default" onClick={() => setAsking(false)} data-autofocus>
            {t('common.cancel')}
          </Button>
          <Button
            color="red"
            onClick={() => void discard.run()}
            loading={discard.running}
            data-testid="note-discard-sure"
          >
            {t('note.discard')}
          </Button>
        </div>
      </Modal>
    </Panel>
  );
}

/** Where the draft stands, in words that do not jump. */
function Kept({ keeping, time }: { keeping: Keeping; time: (at: string) => string }) {
  const { t } = useWords();
  return (
    <span className={css.kept} role="status" data-state={keeping.state} data-testid="note-kept">
      {keeping.keptAt !== null && <StandingMark standing="draft" />}
      {keeping.state === 'failed'
        ? t('note.unkept', { what: keeping.fault?.what ?? '' })
        : keeping.state !== 'kept'
          ? t('note.keeping')
          : keeping.keptAt === null
            ? t('note.notKept')
            : t('note.kept', { time: time(keeping.keptAt) })}
    </span>
  );
}
