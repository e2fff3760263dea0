// The workspace beside the chart: which panel is open, how wide, and what was typed in it.
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useMemo,
  useRef,
  useState,
} from 'react';

/** What the workspace can hold. Ids only: a panel may be opened again after a lock. */
export type PanelPlace =
  | { readonly kind: 'patient-form'; readonly patient?: string }
  | {
      readonly kind: 'booking';
      readonly patient?: string;
      readonly practitioner?: string;
      /** Wall-clock time of the clinic, `2026-11-23T14:30`. */
      readonly start?: string;
      readonly minutes?: number;
    }
  | { readonly kind: 'appointment'; readonly id: string; readonly day: string }
  | { readonly kind: 'sign-in-again' }
  /** SOAP note of a patient: its draft, or a new one. */
  | { readonly kind: 'note'; readonly patient: string }
  /** A signed note, to read. */
  | { readonly kind: 'note-read'; readonly reference: string; readonly patient: string }
  | { readonly kind: 'vitals'; readonly patient: string }
  | { readonly kind: 'problem'; readonly patient: string };

/** What an open session leaves behind for its return. */
export interface WorkspaceTrail {
  panel: PanelPlace | null;
  wide: boolean;
}

type Leave = () => void | Promise<void>;

interface Workspace {
  readonly panel: PanelPlace | null;
  readonly wide: boolean;
  readonly open: (panel: PanelPlace) => void;
  /** Closes; what was typed stays in its draft. */
  readonly close: () => void;
  readonly widen: (wide: boolean) => void;
  /** What was typed in a form, by the form's name, until the session locks. */
  readonly drafts: Map<string, unknown>;
  /** What to do before the panel goes: keep what a pause of typing has not kept yet. */
  readonly onLeave: (leave: Leave | null) => void;
  /** Does it now, without closing: the lock waits for it. */
  readonly leaving: () => Promise<void>;
}

const WorkspaceContext = createContext<Workspace | null>(null);

/** Keeps the workspace of one session. */
export function WorkspaceProvider({
  trail,
  children,
}: {
  trail: WorkspaceTrail;
  children: ReactNode;
}) {
  const [panel, setPanel] = useState<PanelPlace | null>(
    // Who comes back through the unlock has just signed in.
    trail.panel?.kind === 'sign-in-again' ? null : trail.panel,
  );
  const [wide, setWide] = useState(trail.wide);
  const drafts = useRef(new Map<string, unknown>()).current;
  const leave = useRef<Leave | null>(null);
  const opener = useRef<HTMLElement | null>(null);

  const open = useCallback(
    (next: PanelPlace) => {
      void leave.current?.();
      leave.current = null;
      if (document.activeElement instanceof HTMLElement) {
        opener.current = document.activeElement;
      }
      trail.panel = next;
      setPanel(next);
    },
    [trail],
  );
  const close = useCallback(() => {
    void leave.current?.();
    leave.current = null;
    trail.panel = null;
    setPanel(null);
    // Focus goes back to what opened the workspace, if it is still drawn.
    const back = opener.current;
    opener.current = null;
    if (back?.isConnected) {
      back.focus();
    }
  }, [trail]);
  const widen = useCallback(
    (next: boolean) => {
      trail.wide = next;
      setWide(next);
    },
    [trail],
  );
  const onLeave = useCallback((next: Leave | null) => {
    leave.current = next;
  }, []);
  const leaving = useCallback(async () => {
    try {
      await leave.current?.();
    } catch {
      // The note's panel shows its own fault; locking must not wait for it.
    }
  }, []);
  const value = useMemo<Workspace>(
    () => ({ panel, wide, open, close, widen, drafts, onLeave, leaving }),
    [panel, wide, open, close, widen, drafts, onLeave, leaving],
  );
  return <WorkspaceContext value={value}>{children}</WorkspaceContext>;
}

/** The workspace of the open session. */
export function useWorkspace(): Workspace {
  const workspace = useContext(WorkspaceContext);
  if (!workspace) {
    throw new Error('useWorkspace outside an open session');
  }
  return workspace;
}

/** A value that lives as long as the session: a search kept while the user looks elsewhere. */
export function useKept<T>(name: string, initial: T): [T, (next: T) => void] {
  const { drafts } = useWorkspace();
  const [value, setValue] = useState<T>(() =>
    drafts.has(name) ? (drafts.get(name) as T) : initial,
  );
  const keep = useCallback(
    (next: T) => {
      drafts.set(name, next);
      setValue(next);
    },
    [drafts, name],
  );
  return [value, keep];
}
