import { lazy, Suspense, useEffect, useRef } from 'react';
import { useWords } from '../../shared/words/index.ts';
import { ActivityScreen } from '../activity/ActivityScreen.tsx';
import { InboxScreen } from '../inbox/InboxScreen.tsx';
import { PatientsScreen } from '../patients/PatientsScreen.tsx';
import { SettingsScreen } from '../settings/SettingsScreen.tsx';
import { TodayScreen } from '../today/TodayScreen.tsx';
import { CallDock } from '../visits/CallDock.tsx';
import { VisitsScreen } from '../visits/VisitsScreen.tsx';
import banners from './Banners.module.css';
import { Banners } from './Banners.tsx';
import { Finder } from './Finder.tsx';
import { Guard } from './Guard.tsx';
import { KeysPage } from './KeysPage.tsx';
import { useKeys } from './keys.ts';
import { LedgerAlarm } from './LedgerAlarm.tsx';
import { type Place, usePlace } from './place.tsx';
import { Rail } from './Rail.tsx';
import css from './Shell.module.css';
import { StatusBar } from './StatusBar.tsx';
import { TopBar } from './TopBar.tsx';
import { WorkspaceColumn } from './WorkspaceColumn.tsx';

// The calendar and the plots are not needed to sign in: they come once the day is drawn.
const chart = () => import('../chart/ChartScreen.tsx');
const schedule = () => import('../schedule/ScheduleScreen.tsx');
const ChartScreen = lazy(() => chart().then((module) => ({ default: module.ChartScreen })));
const AuditScreen = lazy(() =>
  import('../audit/AuditScreen.tsx').then((module) => ({ default: module.AuditScreen })),
);
const ReviewsScreen = lazy(() =>
  import('../reviews/ReviewsScreen.tsx').then((module) => ({ default: module.ReviewsScreen })),
);
const ScheduleScreen = lazy(() =>
  schedule().then((module) => ({ default: module.ScheduleScreen })),
);

function draw(place: Place) {
  switch (place.screen) {
    case 'today':
      return <TodayScreen />;
    case 'patients':
      return <PatientsScreen />;
    case 'chart':
      return (
        <ChartScreen key={place.patient} patient={place.patient} tab={place.tab ?? 'summary'} />
      );
    case 'schedule':
      return <ScheduleScreen />;
    case 'visits':
      return <VisitsScreen />;
    case 'inbox':
      return <InboxScreen />;
    case 'audit':
      return <AuditScreen />;
    case 'reviews':
      return <ReviewsScreen />;
    case 'activity':
      return <ActivityScreen />;
    case 'settings':
      return <SettingsScreen />;
  }
}

/** The frame of SCREENS: rail, bar, main, workspace, status. */
export function Shell() {
  const { t } = useWords();
  const { place } = usePlace();
  const main = useRef<HTMLElement>(null);
  useKeys();
  useEffect(() => {
    const soon = setTimeout(() => {
      void chart();
      void schedule();
    }, 800);
    return () => clearTimeout(soon);
  }, []);
  const where = place.screen === 'chart' ? `chart ${place.patient}` : place.screen;
  useEffect(() => {
    if (where === '') {
      return;
    }
    // A new screen takes the focus to its own first field, else to its title, so that keyboard
    // and screen reader start where the eye does.
    const at = main.current;
    const held = document.activeElement;
    if (at && !at.contains(held) && !held?.closest('aside, [role="dialog"]')) {
      (at.querySelector<HTMLElement>('[data-autofocus]') ?? at).focus({ preventScroll: true });
    }
  }, [where]);
  return (
    <div className={css.shell}>
      <Rail />
      <div className={banners.area}>
        <LedgerAlarm />
        <Banners />
      </div>
      <TopBar />
      <main
        ref={main}
        className={css.main}
        tabIndex={-1}
        aria-label={t('app.name')}
        data-testid={`screen-${place.screen}`}
      >
        <Guard key={where}>
          <Suspense fallback={null}>{draw(place)}</Suspense>
        </Guard>
      </main>
      <WorkspaceColumn />
      <CallDock />
      <StatusBar />
      <Finder />
      <KeysPage />
    </div>
  );
}
