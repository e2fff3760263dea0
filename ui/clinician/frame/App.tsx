// The whole window: which phase the program is in decides what is drawn. An open session is a
// subtree with a key of its own; when it locks, the subtree goes and takes every record with it.
import { MantineProvider } from '@mantine/core';
import { lazy, Suspense, useEffect, useState } from 'react';
import type { SessionView, UserView } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { theme } from '../../shared/theme/theme.ts';
import { Filling } from '../sign-in/Filling.tsx';
import { SignIn } from '../sign-in/SignIn.tsx';
import { type Left, leftBy } from './left.ts';
import { useLook } from './look.ts';
import { SessionProvider, useSession } from './session.tsx';

// What an open session draws comes once the sign-in screen is drawn: before anybody has typed a
// password, and after anybody has waited for the window.
const session = () => import('./OpenSession.tsx');
const OpenSession = lazy(() => session().then((module) => ({ default: module.OpenSession })));

/** An open session where its user left it. */
function Returned({ user }: { user: UserView }) {
  const [trail, setTrail] = useState<Left | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the user of a session does not change
  useEffect(() => {
    let gone = false;
    leftBy(user).then((left) => !gone && setTrail(left));
    return () => {
      gone = true;
    };
  }, []);
  if (!trail) {
    return null;
  }
  return (
    <Suspense fallback={null}>
      <OpenSession user={user} trail={trail} />
    </Suspense>
  );
}

function Window() {
  const { view, fault, ask } = useSession();
  const [opening, setOpening] = useState(0);
  const open = view?.phase === 'unlocked';
  useEffect(() => {
    if (open) {
      return () => setOpening((n) => n + 1);
    }
    return undefined;
  }, [open]);

  const drawn = view !== null;
  useEffect(() => {
    if (!drawn) {
      return undefined;
    }
    // After the frame that shows it, however long a busy computer takes for that.
    let soon: ReturnType<typeof setTimeout> | undefined;
    const frame = requestAnimationFrame(() => {
      soon = setTimeout(() => void session(), 100);
    });
    return () => {
      cancelAnimationFrame(frame);
      clearTimeout(soon);
    };
  }, [drawn]);

  if (fault && !view) {
    return (
      <main style={{ display: 'grid', placeItems: 'center', height: '100%' }}>
        <FaultNote fault={fault} again={ask} />
      </main>
    );
  }
  if (!view) {
    return null;
  }
  if (view.phase === 'unlocked' && view.user) {
    return <Returned key={`${view.server} ${view.user.username} ${opening}`} user={view.user} />;
  }
  if (view.phase === 'filling') {
    return <Filling />;
  }
  return <SignIn key={view.phase} session={view} />;
}

/** The clinician's window. `first` is where the program stood when the window began to draw. */
export function App({ first = null }: { first?: SessionView | null }) {
  const look = useLook();
  return (
    <MantineProvider
      theme={theme}
      {...(look.theme === 'system' ? {} : { forceColorScheme: look.theme })}
      defaultColorScheme="auto"
      colorSchemeManager={look.remember}
    >
      <SessionProvider first={first}>
        <Window />
      </SessionProvider>
    </MantineProvider>
  );
}
