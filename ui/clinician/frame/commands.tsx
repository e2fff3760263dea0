// Commands of the one search, by the verbs that people type. What the role may not do, and what
// makes no sense where the user is, is not offered.
import type { ReactNode } from 'react';
import {
  IconCalendarPlus,
  IconChevronRight,
  IconClipboardText,
  IconHeartbeat,
  IconKeyboard,
  IconLock,
  IconNotes,
  IconPencil,
  IconRefresh,
  IconSwitch,
  IconUserPlus,
} from '../../shared/components/icons.ts';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from './clinic.tsx';
import { useLock, useSwitch } from './lock.ts';
import { showOverlay } from './overlays.ts';
import { usePlace } from './place.tsx';
import { useWorkspace } from './workspace.tsx';

/** Something to do, found by its title or its verbs. */
export interface Command {
  readonly id: string;
  readonly title: string;
  readonly verbs: string;
  readonly icon: ReactNode;
  readonly keys?: string;
  readonly run: () => void;
}

function matches(command: Command, query: string): boolean {
  const text = `${command.title} ${command.verbs}`.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((part) => text.split(/\s+/).some((word) => word.startsWith(part)));
}

/** The commands that fit the query, the most fitting place first. */
export function useCommands(query: string): readonly Command[] {
  const { t } = useWords();
  const { can, screens } = useClinic();
  const { place, go } = usePlace();
  const { open } = useWorkspace();
  const lock = useLock();
  const switchUser = useSwitch();
  const patient = place.screen === 'chart' ? place.patient : undefined;
  const commands: Command[] = [];
  if (patient && can('write-chart')) {
    commands.push(
      {
        id: 'note',
        title: t('find.note'),
        verbs: t('find.verbs.note'),
        icon: <IconNotes size={16} />,
        run: () => open({ kind: 'note', patient }),
      },
      {
        id: 'vitals',
        title: t('find.vitals'),
        verbs: t('find.verbs.vitals'),
        icon: <IconHeartbeat size={16} />,
        run: () => open({ kind: 'vitals', patient }),
      },
      {
        id: 'problem',
        title: t('find.problem'),
        verbs: t('find.verbs.problem'),
        icon: <IconClipboardText size={16} />,
        run: () => open({ kind: 'problem', patient }),
      },
    );
  }
  if (can('book')) {
    commands.push({
      id: 'book',
      title: t('find.book'),
      verbs: t('find.verbs.book'),
      icon: <IconCalendarPlus size={16} />,
      run: () => open({ kind: 'booking', ...(patient ? { patient } : {}) }),
    });
  }
  if (can('edit-patients')) {
    if (patient) {
      commands.push({
        id: 'edit',
        title: t('find.edit'),
        verbs: t('find.verbs.edit'),
        icon: <IconPencil size={16} />,
        run: () => open({ kind: 'patient-form', patient }),
      });
    }
    commands.push({
      id: 'register',
      title: t('find.register'),
      verbs: t('find.verbs.register'),
      icon: <IconUserPlus size={16} />,
      run: () => open({ kind: 'patient-form' }),
    });
  }
  screens.forEach((screen, index) => {
    commands.push({
      id: `go-${screen}`,
      title: t('find.go', { screen: t(`rail.${screen}`) }),
      verbs: '',
      icon: <IconChevronRight size={16} />,
      keys: `Alt+${index + 1}`,
      run: () => go({ screen }),
    });
  });
  commands.push(
    {
      id: 'sync',
      title: t('find.syncNow'),
      verbs: t('find.verbs.sync'),
      icon: <IconRefresh size={16} />,
      run: () => {
        ipc.syncNow().catch(() => {
          // The status bar tells how the connection is.
        });
      },
    },
    {
      id: 'keys',
      title: t('find.keys'),
      verbs: t('find.verbs.keys'),
      icon: <IconKeyboard size={16} />,
      keys: '?',
      run: () => showOverlay('keys'),
    },
    {
      id: 'switch',
      title: t('switching.button'),
      verbs: t('switching.verbs'),
      icon: <IconSwitch size={16} />,
      run: switchUser,
    },
    {
      id: 'lock',
      title: t('find.lock'),
      verbs: t('find.verbs.lock'),
      icon: <IconLock size={16} />,
      keys: 'Ctrl+L',
      run: lock,
    },
  );
  const asked = query.trim();
  return asked === '' ? commands : commands.filter((command) => matches(command, asked));
}
