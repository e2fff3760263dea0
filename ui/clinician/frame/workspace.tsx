// The workspace beside the chart: which panel is open, how wide, and what was typed in it.
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
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
  | { readonly kind: 'problem'; readonly patient: string }
  | { readonly kind: 'problem-change'; readonly reference: string; readonly patient: string }
  /** One access of a report; its row is kept under `access-row`. */
  | { readonly kind: 'access-row'; readonly id: string }
  /** The call of a video visit. */
  | { readonly kind: 'visit'; readonly appointment: string }
  /** Something to review, kept under `review`. */
  | { readonly kind: 'review'; readonly id: string };

/** Panels that show what a screen has read: after a lock there is nothing to show in them. */
const OF_THE_MOMENT: readonly PanelPlace['kind'][] = ['sign-in-again', 'access-row', 'review'];

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
  /** Keeps a value there and tells who shows it. */
  readonly keep: (name: string, value: unknown) => void;
  readonly hear: (heard: () => void) => () => void;
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
    trail.panel && OF_THE_MOMENT.includes(trail.panel.kind) ? null : trail.panel,
  );
  const [wide, setWide] = useState(trail.wide);
  const drafts = useRef(new Map<string, unknown>()).current;
  const hearers = useRef(new Set<() => void>()).current;
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
  const keep = useCallback(
    (name: string, kept: unknown) => {
      drafts.set(name, kept);
      for (const heard of hearers) {
        heard();
      }
    },
    [drafts, hearers],
  );
  const hear = useCallback(
    (heard: () => void) => {
      hearers.add(heard);
      return () => hearers.delete(heard);
    },
    [hearers],
  );
  const value = useMemo<Workspace>(
    () => ({ panel, wide, open, close, widen, drafts, keep, hear, onLeave, leaving }),
    [panel, wide, open, close, widen, drafts, keep, hear, onLeave, leaving],
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

/**
 * A value that lives as long as the session: a search kept while the user looks elsewhere. Who
 * names the same value shares it.
 */
export function useKept<T>(name: string, initial: T): [T, (next: T) => void] {
  const { drafts, keep, hear } = useWorkspace();
  const [first] = useState(initial);
  const value = useSyncExternalStore(hear, () =>
    drafts.has(name) ? (drafts.get(name) as T) : first,
  );
  const set = useCallback((next: T) => keep(name, next), [keep, name]);
  return [value, set];
}
