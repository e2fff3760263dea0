import { useQuery } from '@tanstack/react-query';
import { SkeletonRows } from '../../shared/components/SkeletonRows.tsx';
import { StandingMark } from '../../shared/components/Standing.tsx';
import { faultOf, ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { RecordFault } from '../access/ClosedRecord.tsx';
import { useClinic } from '../frame/clinic.tsx';
import { Panel } from '../frame/Panel.tsx';
import css from './Note.module.css';

/** A signed note, to read. It does not change any more, so it is read once an opening. */
export default function NoteReadPanel({
  reference,
  patient,
}: {
  reference: string;
  patient: string;
}) {
  const { t } = useWords();
  const { time } = useClinic();
  const note = useQuery({
    queryKey: ['note', patient, reference],
    queryFn: () => ipc.note(reference),
    gcTime: 0,
  });
  if (note.error) {
    return (
      <Panel title={t('note.readTitle')}>
        <RecordFault fault={faultOf(note.error)} patient={patient} again={() => note.refetch()} />
      </Panel>
    );
  }
  if (!note.data) {
    return (
      <Panel title={t('note.readTitle')}>
        <SkeletonRows rows={8} columns={[6]} />
      </Panel>
    );
  }
  const { line, sections } = note.data;
  const at = line.signedAt ? time.dateTime(line.signedAt) : '';
  const aside = line.author
    ? t('note.by', { name: line.author, time: at })
    : at && t('note.signedAt', { time: at });
  return (
    <Panel title={line.title || t('note.readTitle')} aside={aside} testId="note-read">
      <div className={css.read}>
        <StandingMark standing={line.standing} words />
        {sections.map((section) => (
          <section key={section.title} aria-label={section.title || t('note.untitled')}>
            {section.title !== '' && <h3>{section.title}</h3>}
            <p dir="auto">{section.text}</p>
          </section>
        ))}
      </div>
    </Panel>
  );
}
