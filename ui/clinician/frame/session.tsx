// The program's phase and connection, as the program tells them. Holds no record of a patient.
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import type { Fault, SessionView, SyncView } from '../../shared/bindings.ts';
import { faultOf, ipc, listen } from '../../shared/ipc.ts';

interface Session {
  readonly view: SessionView | null;
  readonly sync: SyncView | null;
  /** Why the program could not even say where it stands. */
  readonly fault: Fault | null;
  /** Takes the answer of a sign-in, lock or unlock at once, before the event arrives. */
  readonly take: (view: SessionView) => void;
  readonly ask: () => void;
}

const SessionContext = createContext<Session | null>(null);

/** Asks once, then follows the program's events. */
export function SessionProvider({
  first,
  children,
}: {
  first: SessionView | null;
  children: ReactNode;
}) {
  const [view, setView] = useState(first);
  const [sync, setSync] = useState<SyncView | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const [asked, setAsked] = useState(0);

  // How often the program has told by itself. An event is newer than an answer that was asked for
  // before it came.
  const told = useRef(0);

  useEffect(() => {
    const stopSession = listen('sessionChanged', (next) => {
      told.current += 1;
      setView(next);
    });
    const stopSync = listen('syncChanged', setSync);
    return () => {
      stopSession();
      stopSync();
    };
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: asking again is what `asked` is for
  useEffect(() => {
    let gone = false;
    const before = told.current;
    ipc.sessionView().then(
      (next) => {
        if (!gone) {
          setFault(null);
          if (told.current === before) {
            setView(next);
          }
        }
      },
      (error: unknown) => !gone && setFault(faultOf(error)),
    );
    return () => {
      gone = true;
    };
  }, [asked]);

  const phase = view?.phase;
  useEffect(() => {
    if (phase !== 'unlocked' && phase !== 'filling') {
      setSync(null);
      return;
    }
    let gone = false;
    ipc.syncView().then(
      (next) => !gone && setSync((newer) => newer ?? next),
      () => {
        // The status bar says nothing until the program does; its next event fills it.
      },
    );
    return () => {
      gone = true;
    };
  }, [phase]);

  const session = useMemo<Session>(() => {
    const ask = () => setAsked((n) => n + 1);
    // An event may have overtaken the answer, as when a short first filling was over before the
    // enrolment had answered: what holds now is asked for.
    const take = (next: SessionView) => {
      setView(next);
      ask();
    };
    return { view, sync, fault, take, ask };
  }, [view, sync, fault]);
  return <SessionContext value={session}>{children}</SessionContext>;
}

/** The session as the program last told it. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) {
    throw new Error('useSession outside SessionProvider');
  }
  return session;
}
