import { lazy, type ReactNode, Suspense, useEffect, useRef } from 'react';
import { SkeletonRows } from '../../shared/components/SkeletonRows.tsx';
import { useWords } from '../../shared/words/index.ts';
import { PatientFormPanel } from '../patients/PatientFormPanel.tsx';
import { AppointmentPanel } from '../schedule/AppointmentPanel.tsx';
import { BookingPanel } from '../schedule/BookingPanel.tsx';
import { SignInAgainPanel } from '../sign-in/SignInAgainPanel.tsx';
import { Guard } from './Guard.tsx';
import css from './WorkspaceColumn.module.css';
import { type PanelPlace, useWorkspace } from './workspace.tsx';

const NotePanel = lazy(() => import('../note/NotePanel.tsx'));
const NoteReadPanel = lazy(() => import('../note/NoteReadPanel.tsx'));
const VitalsPanel = lazy(() => import('../chart/VitalsPanel.tsx'));
const AccessRowPanel = lazy(() => import('../audit/AccessRowPanel.tsx'));
const ReviewPanel = lazy(() => import('../reviews/ReviewPanel.tsx'));
const VisitPanel = lazy(() => import('../visits/VisitPanel.tsx'));
const ProblemChangePanel = lazy(() => import('../chart/ProblemChangePanel.tsx'));
const ProblemPanel = lazy(() => import('../chart/ProblemPanel.tsx'));

function draw(panel: PanelPlace): ReactNode {
  switch (panel.kind) {
    case 'patient-form':
      return <PatientFormPanel key={panel.patient ?? 'new'} patient={panel.patient} />;
    case 'booking':
      return (
        <BookingPanel
          key={`${panel.patient}:${panel.practitioner}:${panel.start}`}
          patient={panel.patient}
          practitioner={panel.practitioner}
          start={panel.start}
          minutes={panel.minutes}
        />
      );
    case 'appointment':
      return <AppointmentPanel key={panel.id} id={panel.id} day={panel.day} />;
    case 'sign-in-again':
      return <SignInAgainPanel />;
    case 'note':
      return <NotePanel key={panel.patient} patient={panel.patient} />;
    case 'note-read':
      return (
        <NoteReadPanel key={panel.reference} reference={panel.reference} patient={panel.patient} />
      );
    case 'vitals':
      return <VitalsPanel key={panel.patient} patient={panel.patient} />;
    case 'problem':
      return <ProblemPanel key={panel.patient} patient={panel.patient} />;
    case 'problem-change':
      return (
        <ProblemChangePanel
          key={panel.reference}
          reference={panel.reference}
          patient={panel.patient}
        />
      );
    case 'access-row':
      return <AccessRowPanel key={panel.id} />;
    case 'visit':
      return <VisitPanel key={panel.appointment} appointment={panel.appointment} />;
    case 'review':
      return <ReviewPanel key={panel.id} />;
  }
}

/** The column at the right. A panel that opens takes the focus to its first field. */
export function WorkspaceColumn() {
  const { t } = useWords();
  const { panel, wide } = useWorkspace();
  const ref = useRef<HTMLElement>(null);
  const key = panel ? JSON.stringify(panel) : '';
  useEffect(() => {
    if (key === '') {
      return;
    }
    const column = ref.current;
    // Panels focus their own first field; where none did, the column itself takes it.
    const timer = setTimeout(() => {
      if (column && !column.contains(document.activeElement)) {
        const first = column.querySelector<HTMLElement>(
          '[data-autofocus], input:not([disabled]), textarea, select',
        );
        (first ?? column).focus();
      }
    }, 60);
    return () => clearTimeout(timer);
  }, [key]);
  if (!panel) {
    return null;
  }
  return (
    <aside
      ref={ref}
      tabIndex={-1}
      className={css.workspace}
      data-wide={wide || undefined}
      aria-label={t('workspace.label')}
      data-testid="workspace"
    >
      <Guard key={key}>
        <Suspense fallback={<SkeletonRows rows={6} columns={[6]} />}>{draw(panel)}</Suspense>
      </Guard>
    </aside>
  );
}
